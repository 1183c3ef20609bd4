"""Carts in a cache: tags, secrets, expiry, atomic changes."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from uuid import NAMESPACE_OID, uuid5

import pytest
from shop_cart import domain, store
from shop_cart.domain import Product, StoredCart
from shop_cart.store import CartChanged, CartMerged, CartStore, NoCart, Ref, guest_cart, user_cart
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.testing.clock import Clock
from shop_contracts.money import Money

from .conftest import quantities_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(0.0)


@pytest.fixture
def carts(clock: Clock[float]) -> CartStore:
    return CartStore(MemoryCache(clock))


def adding(id: str, quantity: int = 1) -> partial[StoredCart]:
    item = Product(
        id=uuid5(NAMESPACE_OID, id), title=id, price=Money(amount=100, currency="EUR"), available=True
    )
    return partial(domain.add, product=item, quantity=quantity, at=NOW)


async def test_ids_of_guests_cannot_be_guessed_or_chosen(carts: CartStore) -> None:
    ids = {(await carts.create())[0].id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(id) == 32 for id in ids)
    with pytest.raises(NoCart):
        await carts.change(guest_cart("my-own-choice"), adding("a"), None)


async def test_a_guest_cannot_name_a_users_cart(carts: CartStore) -> None:
    await carts.change(user_cart("u1"), adding("a"), None)
    for id in ("u1", "user:u1", "../user:u1", "me"):
        with pytest.raises(NoCart):
            await carts.read(guest_cart(id))


async def test_the_cart_of_a_user_is_there_from_the_start(carts: CartStore) -> None:
    assert (await carts.read(user_cart("u1"))).cart == StoredCart()


async def test_tag_changes_with_the_cart_and_only_then(carts: CartStore) -> None:
    ref, made = await carts.create()
    added = await carts.change(ref, adding("a"), made.etag)
    assert added.etag != made.etag
    assert (await carts.read(ref)) == added
    assert (await carts.change(ref, lambda cart: cart, added.etag)).etag == added.etag


@pytest.mark.parametrize("ref", [user_cart("u1"), None])
async def test_a_change_meant_for_another_state_is_refused(carts: CartStore, ref: Ref | None) -> None:
    ref = ref or (await carts.create())[0]
    first = await carts.read(ref)
    second = await carts.change(ref, adding("a"), first.etag)
    with pytest.raises(CartChanged):
        await carts.change(ref, adding("b"), first.etag)
    with pytest.raises(CartChanged):
        await carts.forget(ref, first.etag)
    assert (await carts.read(ref)) == second
    assert quantities_of((await carts.change(ref, adding("b"), f'"x", {second.etag}')).cart) == {
        "a": 1,
        "b": 1,
    }
    await carts.change(ref, adding("b"), "*")


@pytest.mark.parametrize(("make", "days"), [("guest", 30), ("user", 180)])
async def test_an_untouched_cart_is_forgotten(
    carts: CartStore, clock: Clock[float], make: str, days: int
) -> None:
    ref = (await carts.create())[0] if make == "guest" else user_cart("u1")
    await carts.change(ref, adding("a"), None)
    for _ in range(3):
        clock.now += days * store.DAY - 1
        assert quantities_of((await carts.read(ref)).cart) == {"a": 1}
    clock.now += days * store.DAY
    if make == "user":
        assert (await carts.read(ref)).cart == StoredCart()
    else:
        with pytest.raises(NoCart):
            await carts.read(ref)


async def test_forgetting(carts: CartStore) -> None:
    ref, _ = await carts.create()
    await carts.forget(ref, None)
    await carts.forget(ref, None)
    with pytest.raises(NoCart):
        await carts.read(ref)


async def test_merge_moves_everything_once(carts: CartStore) -> None:
    guest, _ = await carts.create()
    await carts.change(guest, adding("a", 2), None)
    await carts.change(user_cart("u1"), adding("a", 1), None)
    first, left_out = await carts.merge(guest, user_cart("u1"))
    assert (quantities_of(first.cart), left_out) == ({"a": 3}, [])
    assert (await carts.merge(guest, user_cart("u1")))[0] == first, "a repetition changes nothing"
    with pytest.raises(CartMerged):
        await carts.read(guest)
    with pytest.raises(CartMerged):
        await carts.change(guest, adding("a"), None)
    with pytest.raises(CartMerged):
        await carts.merge(guest, user_cart("u2"))


async def test_merge_of_a_cart_that_is_not_there(carts: CartStore) -> None:
    with pytest.raises(NoCart):
        await carts.merge(guest_cart("x"), user_cart("u1"))


async def test_concurrent_additions_are_all_kept(carts: CartStore) -> None:
    ref, _ = await carts.create()
    await asyncio.gather(*[carts.change(ref, adding(f"p{n % 7}"), None) for n in range(70)])
    assert quantities_of((await carts.read(ref)).cart) == {f"p{n}": 10 for n in range(7)}
