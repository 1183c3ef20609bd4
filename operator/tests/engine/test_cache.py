"""The cache: newest wins, lists leave no ghosts, listeners hear of real changes only."""

from contextlib import suppress
from typing import Any

import pytest
from shop_operator.engine import cache as cache_module
from shop_operator.engine.cache import Cache, Key, Manifest, Ref, key_of, ref_of, scaled_deployment, version

CART = Key("shop", "cart")
DB = Ref("Secret", "shop", "cart-db")


def secret(version: int, name: str = "cart-db", service: str = "cart", **more: Any) -> Manifest:
    return {
        "kind": "Secret",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "resourceVersion": str(version),
            "labels": {"shopservice.dev/name": service},
        },
        **more,
    }


def listening(cache: Cache) -> list[tuple[Key, Any, Any]]:
    heard: list[tuple[Key, Any, Any]] = []
    cache.listen(lambda key, old, new: heard.append((key, old, new)))
    return heard


def test_children_are_found_by_their_service() -> None:
    cache = Cache()
    cache.update("Secret", secret(1))
    cache.update("Secret", secret(2, name="other-db", service="other"))
    assert [child["metadata"]["name"] for child in cache.children(CART)] == ["cart-db"]


def test_an_older_event_is_dropped() -> None:
    cache = Cache()
    cache.update("Secret", secret(5, data={"a": "new"}), quiet=True)
    heard = listening(cache)
    cache.update("Secret", secret(4, data={"a": "old"}))
    cache.update("Secret", secret(5, data={"a": "same"}))
    assert cache.get("Secret", "shop", "cart-db")["data"] == {"a": "new"}  # type: ignore[index]
    assert heard == []


def test_versions_are_numbers_not_text() -> None:
    cache = Cache()
    cache.update("Secret", secret(9, data={"a": "old"}))
    cache.update("Secret", secret(10, data={"a": "new"}))
    assert cache.get("Secret", "shop", "cart-db")["data"] == {"a": "new"}  # type: ignore[index]


def test_a_late_event_does_not_bring_back_what_was_deleted() -> None:
    cache = Cache()
    cache.update("Secret", secret(5))
    cache.remove("Secret", secret(7))
    cache.update("Secret", secret(6))
    assert cache.get("Secret", "shop", "cart-db") is None
    cache.update("Secret", secret(8))
    assert cache.get("Secret", "shop", "cart-db") is not None


def test_a_late_deletion_does_not_remove_what_was_made_anew() -> None:
    cache = Cache()
    cache.update("Secret", secret(8))
    cache.remove("Secret", secret(7))
    assert cache.get("Secret", "shop", "cart-db") is not None


def test_a_list_leaves_no_ghosts_and_keeps_what_is_newer_than_itself() -> None:
    cache = Cache()
    cache.update("Secret", secret(5, name="ghost"))
    cache.update("Secret", secret(12, name="applied-since"))
    heard = listening(cache)
    cache.replace("Secret", [secret(4, name="listed")], "10")
    names = {child["metadata"]["name"] for child in cache.children(CART)}
    assert names == {"applied-since", "listed"}
    assert [(old and old["metadata"]["name"], new) for _, old, new in heard if new is None] == [
        ("ghost", None)
    ]


def test_a_list_from_a_restored_backup_is_believed() -> None:
    cache = Cache()
    cache.replace("Secret", [secret(90)], "100")
    cache.replace("Secret", [secret(40, data={"a": "restored"})], "50")
    assert cache.get("Secret", "shop", "cart-db")["data"] == {"a": "restored"}  # type: ignore[index]


def test_a_change_of_nothing_but_the_version_is_not_told() -> None:
    cache = Cache()
    cache.update("Secret", secret(1))
    heard = listening(cache)
    cache.update("Secret", secret(2))
    assert heard == []
    cache.update("Secret", secret(3, data={"a": "b"}))
    assert [key for key, _, _ in heard] == [CART]


def test_our_own_write_is_no_news_also_when_the_watch_is_quicker_than_the_answer() -> None:
    cache = Cache()
    heard = listening(cache)
    with cache.writing(DB) as answered:
        cache.update("Secret", secret(5, data={"a": "ours"}))
        answered(secret(5, data={"a": "ours"}))
    assert heard == []
    assert cache.get(*DB) is not None


def test_what_others_did_while_we_wrote_is_told_when_the_answer_is_here() -> None:
    cache = Cache()
    cache.update("Secret", secret(4))
    heard = listening(cache)
    with cache.writing(DB) as answered:
        cache.update("Secret", secret(5, data={"a": "ours"}))
        cache.update("Secret", secret(6, data={"a": "theirs"}))
        answered(secret(5, data={"a": "ours"}))
        assert heard == []
    assert heard == [(CART, secret(4), secret(6, data={"a": "theirs"}))]


def test_what_others_did_is_told_too_when_our_write_fails() -> None:
    cache = Cache()
    heard = listening(cache)
    with suppress(ConnectionError), cache.writing(DB):
        cache.update("Secret", secret(5, data={"a": "theirs"}))
        raise ConnectionError
    assert heard == [(CART, None, secret(5, data={"a": "theirs"}))]


def test_a_child_that_is_deleted_while_we_write_it_is_told_at_once() -> None:
    cache = Cache()
    cache.update("Secret", secret(4))
    heard = listening(cache)
    with cache.writing(DB):
        cache.remove("Secret", secret(6))
    assert [(key, new) for key, _, new in heard] == [(CART, None)]


def test_a_child_whose_label_is_taken_away_is_told_to_its_service() -> None:
    cache = Cache()
    cache.update("Secret", secret(1))
    heard = listening(cache)
    cache.update("Secret", secret(2, service="other"))
    assert [(key.name, new is None) for key, _, new in heard] == [("cart", True), ("other", False)]


def scaler(kind: str = "Deployment", **labels: str) -> Manifest:
    metadata = {"namespace": "shop", "name": "hpa", "labels": labels, "resourceVersion": "3"}
    target = {"scaleTargetRef": {"kind": kind, "name": "cart"}}
    return {"kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": target}


def test_addresses_read_as_people_write_them() -> None:
    assert str(CART) == "shop/cart"
    assert str(DB) == "Secret cart-db"
    assert ref_of(secret(1)) == DB
    volume = {"kind": "PersistentVolume", "metadata": {"name": "pv1"}}
    assert ref_of(volume) == Ref("PersistentVolume", "", "pv1")


def test_an_object_belongs_to_the_service_of_its_label_or_whose_deployment_it_scales() -> None:
    service = {"kind": "ShopService", "metadata": {"namespace": "shop", "name": "cart"}}
    assert key_of(service) == CART
    assert key_of(secret(1)) == CART
    assert key_of({"kind": "Secret", "metadata": {"namespace": "shop", "name": "x"}}) == Key("shop", "")
    assert key_of({"kind": "PersistentVolume", "metadata": {"name": "pv1"}}) == Key("", "")
    assert key_of(scaler()) == CART
    assert key_of(scaler("StatefulSet")) == Key("shop", "")
    assert key_of(scaler(**{"shopservice.dev/name": "orders"})) == Key("shop", "orders")
    assert scaled_deployment(scaler()) == "cart"
    assert scaled_deployment(scaler("StatefulSet")) is None
    assert scaled_deployment(secret(1)) is None


@pytest.mark.parametrize(("text", "number"), [("17", 17), ("", 0), ("abc", 0), ("-1", 0)])
def test_a_version_that_is_no_number_is_older_than_any(text: str, number: int) -> None:
    assert version({"metadata": {"resourceVersion": text}}) == number
    assert version({"metadata": {}}) == 0


def test_children_come_in_a_fixed_order_and_the_service_is_none_of_them() -> None:
    cache = Cache()
    service = {
        "kind": "ShopService",
        "metadata": {"namespace": "shop", "name": "cart", "resourceVersion": "1"},
    }
    cache.update("ShopService", service)
    for number, name in enumerate("cab", 2):
        cache.update("Secret", secret(number, name=name))
    cache.update("HorizontalPodAutoscaler", scaler())
    assert [child["metadata"]["name"] for child in cache.children(CART)] == ["hpa", "a", "b", "c"]
    assert list(cache.of_kind("ShopService")) == [service]
    assert list(cache.children(Key("shop", "orders"))) == []


def test_an_object_without_a_version_is_always_the_newest() -> None:
    cache = Cache()
    unversioned: Manifest = {"kind": "Secret", "metadata": {"namespace": "shop", "name": "cart-db"}}
    cache.update("Secret", unversioned | {"data": {"a": "old"}})
    cache.update("Secret", unversioned | {"data": {"a": "new"}})
    assert cache.get(*DB) == unversioned | {"data": {"a": "new"}}


def test_the_first_version_of_all_is_as_old_as_itself() -> None:
    cache = Cache()
    cache.update("Secret", secret(1, data={"a": "first"}))
    cache.update("Secret", secret(1, data={"a": "again"}))
    assert cache.get(*DB) == secret(1, data={"a": "first"})


def test_a_deletion_is_told_with_what_was_there_before() -> None:
    cache = Cache()
    cache.update("Secret", secret(4))
    heard = listening(cache)
    cache.remove("Secret", secret(4))
    assert heard == [(CART, secret(4), None)]
    assert cache.get(*DB) is None
    assert not cache._by_key, "nothing is left of a service without objects"


def test_a_deletion_of_what_is_not_known_is_no_news() -> None:
    cache = Cache()
    heard = listening(cache)
    cache.remove("Secret", secret(4))
    assert heard == []


def test_what_is_as_old_as_the_list_and_not_in_it_is_gone() -> None:
    cache = Cache()
    cache.update("Secret", secret(10))
    cache.update("Secret", secret(11, name="newer"))
    cache.replace("Secret", [], "10")
    assert [child["metadata"]["name"] for child in cache.children(CART)] == ["newer"]


def test_a_list_of_one_kind_says_nothing_of_others() -> None:
    cache = Cache()
    cache.update("Secret", secret(5))
    cache.replace("Service", [], "10")
    assert cache.get(*DB) is not None
    cache.remove("Secret", secret(7))
    cache.replace("Service", [], "20")
    cache.update("Secret", secret(6))
    assert cache.get(*DB) is None


def test_a_list_that_is_older_than_a_deletion_does_not_bring_back_what_was_deleted() -> None:
    cache = Cache()
    cache.update("Secret", secret(5))
    cache.remove("Secret", secret(12))
    cache.replace("Secret", [secret(5)], "10")
    assert cache.get(*DB) is None


def test_deletions_that_a_list_knows_of_are_forgotten() -> None:
    cache = Cache()
    cache.update("Secret", secret(5))
    cache.remove("Secret", secret(7))
    cache.replace("Secret", [], "7")
    assert not cache._deleted


def test_a_restored_backup_brings_back_what_was_deleted_since() -> None:
    cache = Cache()
    cache.replace("Secret", [secret(90)], "90")
    cache.remove("Secret", secret(95))
    cache.update("Secret", secret(96, name="made-since"))
    cache.replace("Secret", [secret(40)], "50")
    assert list(cache.children(CART)) == [secret(40)]


def test_a_kind_that_is_gone_takes_its_objects_with_it() -> None:
    cache = Cache()
    cache.replace("Secret", [secret(90)], "100")
    heard = listening(cache)
    cache.replace("Secret", (), "")
    assert heard == [(CART, secret(90), None)]


def test_the_oldest_deletions_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "DELETIONS_KEPT", 2)
    cache = Cache()
    for number, name in enumerate("abc", 10):
        cache.update("Secret", secret(number, name=name))
        cache.remove("Secret", secret(number + 10, name=name))
    assert [ref.name for ref in cache._deleted] == ["b", "c"]


def test_a_child_that_changes_and_goes_while_we_write_it_is_told_to_be_gone() -> None:
    cache = Cache()
    cache.update("Secret", secret(4))
    heard = listening(cache)
    with cache.writing(DB):
        cache.update("Secret", secret(5, data={"a": "theirs"}))
        cache.remove("Secret", secret(6))
    assert heard == [(CART, secret(5, data={"a": "theirs"}), None)]


def test_what_is_told_of_other_children_does_not_wait_for_our_write() -> None:
    cache = Cache()
    heard = listening(cache)
    with cache.writing(DB):
        cache.update("Secret", secret(5, name="other"))
        assert heard == [(CART, None, secret(5, name="other"))]
    cache.update("Secret", secret(6))
    assert len(heard) == 2, "nor does anything wait when it is over"


def test_a_list_of_the_same_version_again_is_no_restored_backup() -> None:
    cache = Cache()
    cache.replace("Secret", [secret(5)], "10")
    cache.update("Secret", secret(12, name="newer"))
    cache.replace("Secret", [secret(5)], "10")
    assert [child["metadata"]["name"] for child in cache.children(CART)] == ["cart-db", "newer"]


def test_a_change_is_told_with_what_was_there_before() -> None:
    cache = Cache()
    heard = listening(cache)
    cache.update("Secret", secret(1))
    cache.update("Secret", secret(2, data={"a": "b"}))
    assert heard == [(CART, None, secret(1)), (CART, secret(1), secret(2, data={"a": "b"}))]
