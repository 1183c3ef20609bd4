"""One part of a pod laid over another."""

from typing import Any

import pytest
from shop_operator.children.merge import merged


@pytest.mark.parametrize(
    ("base", "over", "found"),
    [
        ({"a": 1, "b": {"c": 1}}, {"b": {"d": 2}}, {"a": 1, "b": {"c": 1, "d": 2}}),
        ({"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
        ({"args": ["a"]}, {"args": []}, {"args": []}),
        # Lists of things with a key, each by its own.
        (
            {"containers": [{"name": "app", "image": "a", "args": ["x"]}]},
            {"containers": [{"name": "more"}, {"name": "app", "image": "b"}]},
            {"containers": [{"name": "app", "image": "b", "args": ["x"]}, {"name": "more"}]},
        ),
        (
            {"volumeMounts": [{"mountPath": "/a", "name": "a"}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "b"}, {"mountPath": "/b", "name": "a"}]},
            {"volumeMounts": [{"mountPath": "/a", "name": "b"}, {"mountPath": "/b", "name": "a"}]},
        ),
        (
            {"ports": [{"containerPort": 1, "protocol": "TCP", "name": "a"}]},
            {"ports": [{"containerPort": 1, "name": "b"}, {"containerPort": 1, "protocol": "UDP"}]},
            {
                "ports": [
                    {"containerPort": 1, "protocol": "TCP", "name": "b"},
                    {"containerPort": 1, "protocol": "UDP"},
                ]
            },
        ),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        # Of what there can be one, the last is it.
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
            {"env": [{"name": "A", "value": "x"}]},
            {"env": [{"name": "A", "value": "x"}]},
        ),
        (
            {"livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 9}},
            {"livenessProbe": {"exec": {"command": ["a"]}}},
            {"livenessProbe": {"exec": {"command": ["a"]}, "periodSeconds": 9}},
        ),
        (
            {"volumes": [{"name": "a", "emptyDir": {}}]},
            {"volumes": [{"name": "a", "configMap": {"name": "b"}}]},
            {"volumes": [{"name": "a", "configMap": {"name": "b"}}]},
        ),
        (
            {"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]},
            {"volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}]},
            {"volumes": [{"name": "a", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]},
        ),
        # What a person wrote by hand may be anything: the API server then says what is wrong with it.
        ({"containers": [{"name": "app"}]}, {"containers": ["app"]}, {"containers": ["app"]}),
        ({"containers": [{"name": "app"}]}, {"containers": {"app": {}}}, {"containers": {"app": {}}}),
        (
            {"containers": [{"name": "app"}]},
            {"containers": [{"image": "x"}, {"name": ["app"]}]},
            {"containers": [{"name": "app"}, {"image": "x"}, {"name": ["app"]}]},
        ),
    ],
)
def test_merged(base: Any, over: Any, found: Any) -> None:
    before = repr((base, over))
    assert merged(base, over) == found
    assert repr((base, over)) == before
