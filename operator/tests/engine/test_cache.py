"""The cache: newest wins, lists leave no ghosts, listeners hear of real changes only."""

from contextlib import suppress
from typing import Any

from shop_operator.engine.cache import Cache, Key, Manifest, Ref

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
