"""By what the items of a list are told apart."""

import pytest
from shop_operator.children.keys import item_key, keyed, list_keys


@pytest.mark.parametrize(
    ("field", "kind", "keys"),
    [
        ("containers", "Deployment", ("name",)),
        ("ports", "Deployment", ("containerPort", "protocol")),
        ("ports", "Service", ("port", "protocol")),
        # Of kinds without pods the same word is another thing, and its list has one writer.
        ("ports", "NetworkPolicy", ()),
        ("ports", "PodMonitor", ()),
        ("imagePullSecrets", "ServiceAccount", ()),
        ("secrets", "ServiceAccount", ("name",)),
        ("groups", "PrometheusRule", ("name",)),
        ("groups", "Deployment", ()),
        ("args", "Deployment", ()),
        # Every object can have owners.
        ("ownerReferences", "NetworkPolicy", ("uid",)),
        ("ownerReferences", "Deployment", ("uid",)),
    ],
)
def test_keys_of_a_list(field: str, kind: str, keys: tuple[str, ...]) -> None:
    assert list_keys(field, kind) == keys


def test_a_part_of_a_pod_is_meant_where_no_kind_is_named() -> None:
    assert list_keys("ports") == list_keys("ports", "Deployment")


def test_a_port_is_tcp_unless_it_says_otherwise_and_what_is_missing_is_nothing() -> None:
    keys = ("protocol", "containerPort")
    assert list(item_key({"containerPort": 80, "name": "x"}, keys).items()) == [
        ("containerPort", 80), ("protocol", "TCP")
    ]  # fmt: skip
    assert item_key({"protocol": "UDP"}, keys) == {"containerPort": None, "protocol": "UDP"}


def test_only_objects_can_have_keys() -> None:
    assert keyed([])
    assert keyed([{"name": "a"}, {}])
    assert not keyed([{"name": "a"}, "b"])
