"""The cart's HTTP API while everything works."""

import asyncio
from uuid import uuid4

from .conftest import problem, quantities


async def test_a_guest_fills_changes_and_empties_a_cart(shop) -> None:
    lamp, cup = shop.catalog.sell("lamp", 4900), shop.catalog.sell("cup", 799)
    made = await shop.cart.post("/carts")
    assert made.status_code == 201
    assert made.headers["Location"] == f"/carts/{made.json()['id']}"
    id = made.json()["id"]
    assert made.json()["total"] is None

    await shop.add(id, lamp)
    added = await shop.add(id, cup, 2)
    assert quantities(added) == {"lamp": 1, "cup": 2}
    assert added.json()["total"] == {"amount": 4900 + 2 * 799, "currency": "EUR"}
    assert added.json()["item_count"] == 3
    assert added.json()["stale"] is False

    changed = await shop.cart.put(f"/carts/{id}/lines/{cup}", json={"quantity": 5})
    assert quantities(changed) == {"lamp": 1, "cup": 5}
    assert quantities(await shop.cart.delete(f"/carts/{id}/lines/{lamp}")) == {"cup": 5}
    assert quantities(await shop.cart.get(f"/carts/{id}")) == {"cup": 5}
    assert (await shop.cart.delete(f"/carts/{id}")).status_code == 204
    assert problem(await shop.cart.get(f"/carts/{id}")) == (404, "about:blank")


async def test_setting_a_quantity_puts_the_product_in(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    for _ in range(2):
        assert quantities(await shop.cart.put(f"/carts/{id}/lines/{lamp}", json={"quantity": 3})) == {
            "lamp": 3
        }


async def test_two_tabs_that_add_at_once_are_both_kept(shop) -> None:
    id = await shop.new_cart()
    products = [shop.catalog.sell(f"p{n}") for n in range(5)]
    answers = await asyncio.gather(*[shop.add(id, products[n % 5]) for n in range(25)])
    assert all(answer.status_code == 200 for answer in answers)
    assert quantities(await shop.cart.get(f"/carts/{id}")) == {f"p{n}": 5 for n in range(5)}


async def test_a_change_based_on_an_old_view_is_refused_if_it_says_so(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    seen = (await shop.cart.get(f"/carts/{id}")).headers["ETag"]
    now = (await shop.add(id, lamp)).headers["ETag"]
    assert now != seen
    line = f"/carts/{id}/lines/{lamp}"
    for refused in (
        await shop.add(id, lamp, **{"If-Match": seen}),
        await shop.cart.put(line, json={"quantity": 9}, headers={"If-Match": seen}),
        await shop.cart.delete(line, headers={"If-Match": seen}),
        await shop.cart.delete(f"/carts/{id}", headers={"If-Match": seen}),
    ):
        assert problem(refused) == (412, "about:blank")
    read = await shop.cart.get(f"/carts/{id}")
    assert (quantities(read), read.headers["ETag"]) == ({"lamp": 1}, now)
    assert quantities(await shop.add(id, lamp, **{"If-Match": now})) == {"lamp": 2}


async def test_an_addition_with_a_key_counts_once(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    answers = await asyncio.gather(*[shop.add(id, lamp, **{"Idempotency-Key": "k1"}) for _ in range(5)])
    assert [quantities(answer) for answer in answers] == [{"lamp": 1}] * 5
    assert problem(await shop.add(id, lamp, 2, **{"Idempotency-Key": "k1"})) == (
        422,
        "idempotency-key-reused",
    )


async def test_price_changes_and_withdrawals_are_shown(shop) -> None:
    lamp, cup, id = shop.catalog.sell("lamp", 4900), shop.catalog.sell("cup", 799), await shop.new_cart()
    await shop.add(id, lamp)
    await shop.add(id, cup)
    shop.catalog.sell("lamp", 3900)
    shop.catalog.sell("cup", 799, active=False)
    cart = (await shop.cart.get(f"/carts/{id}")).json()
    assert cart["lines"][0]["price_change"] == {
        "old": {"amount": 4900, "currency": "EUR"},
        "new": {"amount": 3900, "currency": "EUR"},
    }
    assert cart["lines"][1]["available"] is False
    assert cart["total"] == {"amount": 3900, "currency": "EUR"}


async def test_what_cannot_be_added_says_why(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    assert problem(await shop.add(id, str(uuid4()))) == (422, "not-sold")
    assert problem(await shop.add(id, shop.catalog.sell("gone", active=False))) == (422, "not-sold")
    await shop.add(id, lamp, 99)
    assert problem(await shop.add(id, lamp)) == (409, "cart-limit")
    assert problem(await shop.add(id, shop.catalog.sell("d", currency="USD"))) == (409, "mixed-currency")
    assert problem(await shop.add("no-such-cart", lamp)) == (404, "about:blank")
    for body in (
        {},
        {"product_id": "lamp"},
        {"product_id": lamp, "quantity": 0},
        {"product_id": lamp, "quantity": 100},
        {"product_id": lamp, "quantity": 1, "price": 1},
    ):
        answer = await shop.cart.post(f"/carts/{id}/lines", json=body)
        assert problem(answer)[0] == 422
        assert answer.json()["errors"][0]["where"].startswith("body.")


# -- whose cart ---------------------------------------------------------------------------------------------


async def test_a_user_has_one_cart_that_needs_the_users_token(shop) -> None:
    lamp, anna = shop.catalog.sell("lamp"), shop.token("anna")
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {}
    assert (await shop.add("me", lamp, **anna)).json()["id"] == "me"
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {"lamp": 1}
    assert quantities(await shop.cart.get("/carts/me", headers=shop.token("bert"))) == {}
    assert problem(await shop.cart.get("/carts/me"))[0] == 401
    assert problem(await shop.cart.get("/carts/me", headers={"Authorization": "Bearer x"}))[0] == 401


async def test_sign_in_moves_the_guests_cart(shop) -> None:
    lamp, cup, anna = shop.catalog.sell("lamp"), shop.catalog.sell("cup"), shop.token("anna")
    guest = await shop.new_cart()
    await shop.add(guest, lamp, 60)
    await shop.add("me", lamp, 50, **anna)
    await shop.add("me", cup, 1, **anna)
    assert problem(await shop.cart.post(f"/carts/{guest}:merge"))[0] == 401

    merged = await shop.cart.post(f"/carts/{guest}:merge", headers=anna)
    assert quantities(merged) == {"lamp": 99, "cup": 1}
    assert merged.json()["id"] == "me"
    assert merged.json()["left_out"] == [{"product_id": lamp, "quantity": 11, "reason": "too_many_pieces"}]
    again = await shop.cart.post(f"/carts/{guest}:merge", headers=anna)
    assert (quantities(again), again.headers["ETag"]) == ({"lamp": 99, "cup": 1}, merged.headers["ETag"])

    assert problem(await shop.cart.get(f"/carts/{guest}")) == (410, "cart-merged")
    assert problem(await shop.cart.post(f"/carts/{guest}:merge", headers=shop.token("bert"))) == (
        410,
        "cart-merged",
    )
    assert problem(await shop.cart.post("/carts/none:merge", headers=anna)) == (404, "about:blank")
