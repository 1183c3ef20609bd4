"""Promotions and coupons on a cart."""

from .conftest import problem, quantities


def figures(answer) -> list[int | None]:
    """Subtotal, discount, total."""
    assert answer.status_code == 200, answer.text
    cart = answer.json()
    return [cart[name] and cart[name]["amount"] for name in ("subtotal", "discount", "total")]


async def coupon(shop, cart: str, code: str, **headers: str):
    return await shop.cart.put(f"/carts/{cart}/coupon", json={"code": code}, headers=headers)


async def test_totals_are_what_promotions_leave(shop) -> None:
    lamp, cup, id = shop.catalog.sell("lamp", 1000), shop.catalog.sell("cup", 500), await shop.new_cart()
    await shop.add(id, lamp)
    assert figures(await shop.add(id, cup, 2)) == [2000, None, 2000]
    shop.catalog.percent_off = 10
    shown = await shop.cart.get(f"/carts/{id}")
    assert figures(shown) == [2000, 200, 1800]
    assert [line["discount"]["amount"] for line in shown.json()["lines"]] == [100, 100]
    shop.catalog.sell("cup", 500, active=False)
    assert figures(await shop.cart.get(f"/carts/{id}")) == [1000, 100, 900]


async def test_a_coupon_is_put_on_checked_and_taken_off(shop) -> None:
    lamp, id = shop.catalog.sell("lamp", 1000), await shop.new_cart()
    shop.catalog.percent_off, shop.catalog.coupons = 10, {"WELCOME10": 300}
    await shop.add(id, lamp)
    refused = await coupon(shop, id, "none")
    assert problem(refused) == (422, "coupon-refused")
    assert refused.json()["detail"] == "NONE cannot be used"
    assert (await shop.cart.get(f"/carts/{id}")).json()["coupon"] is None

    put = await coupon(shop, id, " welcome 10")
    assert figures(put) == [1000, 400, 600]
    assert put.json()["coupon"] == {
        "code": "WELCOME10",
        "discount": {"amount": 300, "currency": "EUR"},
        "refused": None,
    }
    shop.catalog.sell("lamp", 200)
    shown = await shop.cart.get(f"/carts/{id}")
    assert figures(shown) == [200, 20, 180]
    assert shown.json()["coupon"]["refused"] == "WELCOME10 cannot be used"
    assert figures(await shop.cart.delete(f"/carts/{id}/coupon")) == [200, 20, 180]
    assert (await shop.cart.delete(f"/carts/{id}/coupon")).json()["coupon"] is None


async def test_a_coupon_is_part_of_what_the_tag_is_of(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    shop.catalog.coupons = {"A": 10, "B": 20}
    seen = (await shop.add(id, lamp)).headers["ETag"]
    now = (await coupon(shop, id, "A")).headers["ETag"]
    assert now != seen
    stale = {"If-Match": seen}
    assert problem(await coupon(shop, id, "B", **stale)) == (412, "about:blank")
    assert problem(await shop.cart.delete(f"/carts/{id}/coupon", headers=stale)) == (412, "about:blank")
    read = await shop.cart.get(f"/carts/{id}")
    assert (read.json()["coupon"]["code"], read.headers["ETag"], read.json()["etag"]) == ("A", now, now)


async def test_a_coupon_is_checked_for_the_user_whose_cart_it_is(shop) -> None:
    lamp, anna = shop.catalog.sell("lamp"), shop.token("anna")
    shop.catalog.coupons = {"A": 10}
    guest = await shop.new_cart()
    await shop.add(guest, lamp)
    await coupon(shop, guest, "A")
    assert set(shop.catalog.subjects) == {None}
    merged = await shop.cart.post(f"/carts/{guest}:merge", headers=anna)
    assert merged.json()["coupon"]["code"] == "A"
    assert shop.catalog.subjects[-1] == "anna"


async def test_an_empty_cart_takes_a_coupon_that_cannot_be_checked_yet(shop) -> None:
    id = await shop.new_cart()
    put = await coupon(shop, id, "A")
    assert put.json()["coupon"] == {"code": "A", "discount": None, "refused": None}
    assert figures(put) == [None, None, None]


async def test_what_is_sold_out_stays_and_is_not_counted(shop) -> None:
    lamp, cup, id = (
        shop.catalog.sell("lamp", 1000),
        shop.catalog.sell("cup", 500, available=3),
        await shop.new_cart(),
    )
    await shop.add(id, lamp)
    shown = (await shop.add(id, cup, 2)).json()
    assert ([line["in_stock"] for line in shown["lines"]], shown["changed"]) == ([None, 3], False)
    shop.catalog.sell("cup", 500, available=1)
    shown = (await shop.cart.get(f"/carts/{id}")).json()
    assert ([line["changed"] for line in shown["lines"]], shown["changed"]) == ([False, True], True)
    shop.catalog.sell("cup", 500, available=0)
    gone = await shop.cart.get(f"/carts/{id}")
    assert (figures(gone), quantities(gone)) == ([1000, None, 1000], {"lamp": 1, "cup": 2})
    assert [line["available"] for line in gone.json()["lines"]] == [True, False]
