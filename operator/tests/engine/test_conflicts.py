"""Objects in the way of a child: who waits for them hears once, when they no longer are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine import conflicts
from shop_operator.engine.cache import Key, Ref, ref_of
from shop_operator.engine.conflicts import Conflicts

from ..support.memory import MemoryApi

CART = Key("shop", "cart")
UID = "u"
OWNED = {"kind": "ShopService", "name": "cart", "uid": UID, "controller": True}


def theirs(name: str = "cart", kind: str = "Service", **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", **metadata}, "spec": {}}


class Waiting:
    """A service that waits for objects of somebody else, in a cluster in memory."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.api, self.gone = MemoryApi(), list[Key]()
        whole: Any = self.api
        self.conflicts = Conflicts(whole, tasks, self.gone.append)

    async def set(self, *objects: dict[str, Any], key: Key = CART) -> None:
        self.conflicts.set(key, UID, {ref_of(one): one for one in objects})
        await self.settled()

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def cart() -> AsyncIterator[Waiting]:
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as tasks:
            waiting = Waiting(tasks)
            yield waiting
            await waiting.set()
            await waiting.set(key=Key("shop", "orders"))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; they are over at once."""
    real, waits = asyncio.sleep, list[float]()

    async def sleep(seconds: float) -> None:
        if seconds:
            waits.append(seconds)
        await real(0)

    monkeypatch.setattr(conflicts.asyncio, "sleep", sleep)
    return waits


async def test_the_object_itself_is_watched_and_no_more_of_it_than_its_metadata(cart: Waiting) -> None:
    await cart.set(cart.api.put(theirs()))
    assert cart.api.watched == ["Service shop/cart metadata"]
    assert cart.gone == []


async def test_when_it_is_gone_it_is_told_once(cart: Waiting) -> None:
    await cart.set(cart.api.put(theirs()))
    cart.api.remove("Service", "cart")
    await cart.settled()
    assert cart.gone == [CART]
    assert cart.api.watched == []
    cart.api.put(theirs())
    await cart.settled()
    assert cart.gone == [CART]


async def test_what_happened_before_the_watch_began_is_told_too(cart: Waiting) -> None:
    seen = cart.api.put(theirs())
    cart.api.remove("Service", "cart")
    await cart.set(seen)
    assert cart.gone == [CART]


@pytest.mark.parametrize(
    "handed_over",
    [
        {"ownerReferences": [OWNED]},
        {"labels": {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "cart"}},
    ],
)
async def test_when_it_becomes_the_services_it_is_told(cart: Waiting, handed_over: dict[str, Any]) -> None:
    await cart.set(cart.api.put(theirs()))
    cart.api.put(theirs(**handed_over))
    await cart.settled()
    assert cart.gone == [CART]


@pytest.mark.parametrize(
    "still_theirs",
    [
        {"labels": {"team": "a"}},
        {"labels": {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "orders"}},
        {"ownerReferences": [{**OWNED, "name": "orders", "uid": "v"}]},
    ],
)
async def test_while_it_stays_somebody_elses_nothing_is_told(
    cart: Waiting, still_theirs: dict[str, Any]
) -> None:
    await cart.set(cart.api.put(theirs()))
    cart.api.put(theirs(**still_theirs))
    await cart.settled()
    assert cart.gone == []
    assert cart.api.watched == ["Service shop/cart metadata"]


async def test_the_same_conflict_keeps_its_watch_and_another_gets_its_own(cart: Waiting) -> None:
    first, second = cart.api.put(theirs()), cart.api.put(theirs("cart-callers", "ConfigMap"))
    await cart.set(first)
    kept = cart.conflicts._watches[CART][ref_of(first)]
    await cart.set(first, second)
    assert cart.conflicts._watches[CART][ref_of(first)] is kept
    assert cart.api.watched == ["ConfigMap shop/cart-callers metadata", "Service shop/cart metadata"]


async def test_one_that_is_no_longer_in_the_way_is_no_longer_watched(cart: Waiting) -> None:
    first, second = cart.api.put(theirs()), cart.api.put(theirs("cart-callers", "ConfigMap"))
    await cart.set(first, second)
    await cart.set(second)
    assert cart.api.watched == ["ConfigMap shop/cart-callers metadata"]
    await cart.set()
    assert cart.api.watched == []
    assert CART not in cart.conflicts._watches
    assert cart.gone == []


async def test_services_wait_for_the_same_object_each_by_themselves(cart: Waiting) -> None:
    orders = Key("shop", "orders")
    found = cart.api.put(theirs())
    await cart.set(found)
    await cart.set(found, key=orders)
    assert len(cart.api.watched) == 2
    await cart.set()
    cart.api.remove("Service", "cart")
    await cart.settled()
    assert cart.gone == [orders]


async def test_after_it_was_told_the_same_object_can_be_in_the_way_again(cart: Waiting) -> None:
    await cart.set(cart.api.put(theirs()))
    cart.api.remove("Service", "cart")
    await cart.settled()
    await cart.set(cart.api.put(theirs()))
    assert cart.api.watched == ["Service shop/cart metadata"]


async def test_a_watch_that_ends_goes_on_a_second_later_where_it_was(
    cart: Waiting, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    changed = theirs(resourceVersion="8")

    async def watch(kind: Any, version: str, *, namespace: str, name: str, metadata_only: bool) -> Any:
        asked.append((kind.kind, version, namespace, name, metadata_only))
        yield {"type": "MODIFIED" if len(asked) == 1 else "DELETED", "object": changed}

    monkeypatch.setattr(cart.api, "watch", watch)
    await cart.set(theirs(resourceVersion="7"))
    assert asked == [("Service", "7", "shop", "cart", True), ("Service", "8", "shop", "cart", True)]
    assert slept == [1]
    assert cart.gone == [CART]


@pytest.mark.parametrize(
    ("status", "waits"),
    [(410, []), (403, [conflicts.RETRY_SECONDS]), (500, [conflicts.RETRY_SECONDS])],
)
async def test_what_cannot_be_watched_is_looked_at_again_later_but_at_once_where_its_version_is_old(
    cart: Waiting, slept: list[float], status: int, waits: list[float]
) -> None:
    refusal = ApiError(status, "Reason", "why")
    cart.api.refuse = lambda call: refusal if call == "watch Service cart" else None
    await cart.set(cart.api.put(theirs()))
    assert slept == waits
    assert cart.gone == [CART]
    assert Ref("Service", "shop", "cart") in cart.conflicts._watches[CART]
