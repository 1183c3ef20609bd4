"""Who calls whom, and as whom."""

from typing import Any

import pytest
from shop_operator.children import Caller
from shop_operator.engine.cache import Key
from shop_operator.engine.dependencies import Dependencies, depends_on, lender, lends

CART, CATALOG, SEARCH = Key("shop", "cart"), Key("shop", "catalog"), Key("shop", "search")


def cart(*callees: str, **spec: Any) -> dict[str, Any]:
    depends_on = [{"name": name} for name in callees]
    return {"metadata": {"namespace": "shop", "name": "cart"}, "spec": {"dependsOn": depends_on, **spec}}


def test_a_callee_hears_of_its_callers_as_they_come_and_go() -> None:
    known = Dependencies()
    assert known.change(CART, None, first := cart("catalog")) == {CATALOG}
    assert known.callers(CATALOG) == {Caller("shop", "cart", "cart")}
    assert known.change(CART, first, second := cart("search")) == {CATALOG, SEARCH}
    assert known.callers(CATALOG) == frozenset()
    assert known.change(CART, second, None) == {SEARCH}
    assert known.callers(SEARCH) == frozenset()


def test_nothing_new_concerns_nobody() -> None:
    known = Dependencies()
    known.change(CART, None, before := cart("catalog"))
    assert known.change(CART, before, cart("catalog", image="x:2")) == set()


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({}, "cart"),
        ({"serviceAccount": {"name": "other"}}, "other"),
        ({"podTemplate": {"spec": {"serviceAccountName": "other"}}}, "other"),
        ({"serviceAccount": {"name": "a"}, "podTemplate": {"spec": {"serviceAccountName": "b"}}}, "b"),
        # Read leniently: the object may be invalid.
        ({"serviceAccount": "other", "podTemplate": []}, "cart"),
        ({"serviceAccount": {"name": 1}, "podTemplate": {"spec": None}}, "cart"),
    ],
)
def test_a_caller_is_known_as_its_service_account(spec: dict[str, Any], account: str) -> None:
    known = Dependencies()
    known.change(CART, None, before := cart("catalog"))
    concerned = known.change(CART, before, cart("catalog", **spec))
    assert known.callers(CATALOG) == {Caller("shop", "cart", account)}
    assert concerned == (set() if account == "cart" else {CATALOG})


def test_a_service_is_a_callee_of_those_that_named_it_before_it_was_there() -> None:
    known = Dependencies()
    known.change(CART, None, cart("catalog"))
    catalog = {"metadata": {"namespace": "shop", "name": "catalog"}, "spec": {}}
    assert known.change(CATALOG, None, catalog) == {CART}


def test_a_change_from_what_was_never_told_is_taken_as_it_is() -> None:
    known = Dependencies()
    assert known.change(CART, cart("catalog"), None) == {CATALOG}
    assert known.change(CART, None, None) == set()


def test_a_callee_may_be_in_another_namespace_and_what_is_no_callee_is_passed_over() -> None:
    rates = {"name": "rates", "namespace": "finance"}
    named = {**cart(), "spec": {"dependsOn": [rates, "catalog", {"namespace": "shop"}, {"name": "search"}]}}
    assert depends_on(named) == {Key("finance", "rates"), SEARCH}
    for spec in (None, [], {"dependsOn": "catalog"}, {}):
        assert depends_on({**cart(), "spec": spec}) == frozenset()
    assert depends_on({"metadata": {"namespace": "shop", "name": "cart"}}) == frozenset()
    assert depends_on(None) == frozenset()


def test_a_service_that_names_itself_concerns_nobody_else() -> None:
    known = Dependencies()
    assert known.change(CART, None, cart("cart")) == set()
    assert known.callers(CART) == {Caller("shop", "cart", "cart")}


WORKER, LENDER = Key("shop", "worker"), Key("shop", "notification")


def sharer(lender: Any) -> dict[str, Any]:
    shared = {"mode": "shared", "shared": {"service": lender}}
    return {"metadata": {"namespace": "shop", "name": "worker"}, "spec": {"database": shared}}


def lending(database: Any) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "notification"}
    return {"metadata": metadata, "spec": {"database": database}}


def test_who_lends_its_database_hears_of_those_that_share_it() -> None:
    known = Dependencies()
    assert known.change(WORKER, None, first := sharer("notification")) == {LENDER}
    assert known.sharers(LENDER) == {"worker"}
    assert known.callers(LENDER) == frozenset(), "it is no caller"
    assert known.change(WORKER, first, sharer("notification")) == set()
    assert known.change(WORKER, first, second := sharer("orders")) == {LENDER, Key("shop", "orders")}
    assert known.sharers(LENDER) == frozenset()
    assert known.change(WORKER, second, None) == {Key("shop", "orders")}
    assert known.sharers(Key("shop", "orders")) == frozenset()


def test_those_that_share_hear_when_there_is_something_to_share_and_when_no_longer() -> None:
    known = Dependencies()
    known.change(WORKER, None, sharer("notification"))
    assert known.change(LENDER, None, made := lending({})) == {WORKER}
    assert known.change(LENDER, made, {**made, "metadata": {**made["metadata"], "labels": {}}}) == set()
    assert known.change(LENDER, made, without := lending(None)) == {WORKER}
    assert known.change(LENDER, without, None) == {WORKER}


def test_only_a_dedicated_database_is_lent() -> None:
    assert lends(lending({})) is True
    assert lends(lending({"mode": "dedicated"})) is True
    for database in (None, [], {"mode": "external"}, {"mode": "shared"}):
        assert lends(lending(database)) is False
    assert lends(None) is None


def test_whose_database_is_shared_is_read_leniently() -> None:
    assert lender(sharer("notification")) == LENDER
    for wrong in (None, 1, {}):
        assert lender(sharer(wrong)) is None
    assert lender(None) is None
    assert lender({**sharer("x"), "spec": {"database": []}}) is None
