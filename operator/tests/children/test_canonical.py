"""What the API server would make of values that people wrote."""

from typing import Any

import pytest
from shop_operator.children.canonical import canonical


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"requests": {"cpu": 0.5, "memory": "1024Mi"}}, {"requests": {"cpu": "500m", "memory": "1Gi"}}),
        ({"limits": {"cpu": "0.0001"}}, {"limits": {"cpu": "1m"}}),
        ({"overhead": {"cpu": "1000m"}}, {"overhead": {"cpu": "1"}}),
        ({"sizeLimit": "0.0001"}, {"sizeLimit": "100u"}),
        ({"requests": {"cpu": "much"}}, {"requests": {"cpu": "much"}}),
        ({"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False}, {"d": {}, "e": 0, "f": False}),
        ({"nodeSelector": {"pool": ""}}, {"nodeSelector": {"pool": ""}}),
        ({"labels": {"requests": "x", "flag": ""}}, {"labels": {"requests": "x", "flag": ""}}),
        ({"livenessProbe": {"periodSeconds": 0, "initialDelaySeconds": 0}},
         {"livenessProbe": {"initialDelaySeconds": 0}}),
        ({"args": ["", "a"]}, {"args": ["", "a"]}),
    ],
)  # fmt: skip
def test_canonical(given: Any, found: Any) -> None:
    assert canonical(given) == found
    assert canonical(found) == found
