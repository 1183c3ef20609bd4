from typing import Any

import pytest
from shop_operator.api import InvalidSpec, parse


def shop(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "cart", "namespace": "shop"}, "spec": {"image": "x", **spec}}


def errors(obj: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidSpec) as caught:
        parse(obj)
    return dict(caught.value.errors)


def test_only_the_image_is_needed() -> None:
    found = parse(shop())
    assert (found.name, found.namespace, found.metadata.uid) == ("cart", "shop", "")
    assert found.spec.replicas is None
    assert found.status.conditions == []


def test_null_is_not_given() -> None:
    assert parse(shop(replicas=None, database={"storage": None})).spec.database is not None


def test_what_a_newer_operator_wrote_into_the_status_is_ignored() -> None:
    obj = {**shop(), "status": {"replicas": 2, "canary": {"weight": 10}}}
    assert parse(obj).status.replicas == 2


def test_quantities_are_canonical_and_may_be_numbers() -> None:
    resources = parse(shop(resources={"requests": {"cpu": 1, "memory": "1024Mi"}})).spec.resources
    assert resources is not None
    assert resources.requests == {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"image": None}, "spec.image", "required"),
        ({"replica": 1}, "spec.replica", "unknown field"),
        ({"replicas": "1"}, "spec.replicas", "valid integer, found '1'"),
        ({"replicas": True}, "spec.replicas", "valid integer"),
        ({"replicas": -1}, "spec.replicas", "greater than or equal to 0, found -1"),
        ({"ports": [{"name": "a", "port": 0}]}, "spec.ports[0].port", "greater than or equal to 1, found 0"),
        ({"resources": {"limits": {"cpu": 0.5}}}, "spec.resources.limits.cpu", "valid string, found 0.5"),
        ({"resources": {"limits": {"cpu": "much"}}}, "spec.resources.limits.cpu", "expected a quantity"),
        ({"expose": {"type": "Door"}}, "spec.expose.type", "'NodePort' or 'Ingress', found 'Door'"),
        ({"database": {"version": "9"}}, "spec.database.version", "found '9'"),
        ({"database": "yes"}, "spec.database", "found 'yes'"),
    ],
)
def test_errors_name_the_field_and_what_was_found(spec: dict[str, Any], field: str, message: str) -> None:
    found = errors(shop(**spec))
    assert list(found) == [field]
    assert message in found[field]


@pytest.mark.parametrize("obj", [{}, {"metadata": {"name": "x"}}, {"metadata": [], "spec": 1}])
def test_what_is_no_shopservice_at_all_is_an_error_too(obj: dict[str, Any]) -> None:
    assert errors(obj)
