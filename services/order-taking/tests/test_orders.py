"""Orders: what they come to, what is told, what is refused, and that each is taken once."""

import asyncio
from uuid import UUID, uuid4

import pytest
from shop_contracts.order_taking.api import AcceptedOrder, Preview
from shop_order_taking.orders import Orders, order_id
from shop_order_taking.service import service

from .conftest import GUEST_CART, address, problem


@pytest.fixture
def basket(shop) -> tuple[UUID, UUID]:
    """Two lamps and a cup in Ann's cart."""
    lamp, cup = shop.around.sell("lamp", 4900), shop.around.sell("cup", 799)
    shop.around.fill({lamp: 2, cup: 1})
    return lamp, cup


async def test_the_migrations_lead_to_the_tables_of_the_code(shop) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(shop.runtime.store) == []


async def test_a_preview_says_what_it_comes_to_and_changes_nothing(shop, basket) -> None:
    answer = await shop.preview()
    assert answer.status_code == 200, answer.text
    seen = Preview.model_validate(answer.json())
    assert [(line.title, line.quantity, line.total.amount) for line in seen.lines] == [
        ("lamp", 2, 9800),
        ("cup", 1, 799),
    ]
    assert (seen.subtotal.amount, seen.shipping.amount, seen.total.amount) == (10599, 390, 10989)
    assert seen.prices_include_tax
    assert [line.tax.amount for line in seen.lines] == [1701, 139]  # 21 % contained
    assert (seen.shipping_tax.amount, seen.tax.amount) == (68, 1701 + 139 + 68)
    assert (seen.shipping_option, [option.id for option in seen.options]) == (
        "standard",
        ["standard", "express"],
    )
    assert seen.availability_known
    assert await shop.events() == []
    assert ("me", "ann") in shop.around.carts


async def test_an_order_is_taken_told_and_leaves_no_cart(shop, basket) -> None:
    total = (await shop.preview()).json()["total"]
    answer = await shop.order(expected_total=total)
    assert answer.status_code == 202, answer.text
    accepted = AcceptedOrder.model_validate(answer.json())
    assert (accepted.state, accepted.total.model_dump()) == ("accepted", total)
    assert shop.around.carts == {}
    (event,) = await shop.events()
    assert (event.type, event.subject) == ("order.placed", str(accepted.order_id))
    (placed,) = await shop.placed()
    assert AcceptedOrder(**dict(placed)) == accepted
    assert (placed.subject, placed.email, placed.payment_method) == ("ann", "ann@example.com", "tok_visa")
    assert placed.billing_address == placed.shipping_address
    assert placed.lines[0].weight_grams == 700


async def test_a_guest_orders_what_is_in_a_guests_cart(shop) -> None:
    shop.around.fill({shop.around.sell("lamp", 4900): 1}, cart_id=GUEST_CART)
    billing = address(name="Bob Example", country="AQ")
    answer = await shop.order(
        subject="guest:7", cart_id=GUEST_CART, billing_address=billing, shipping_option="express", locale="de"
    )
    assert answer.status_code == 202, answer.text
    (placed,) = await shop.placed()
    assert (placed.subject, placed.shipping_option, placed.locale) == ("guest:7", "express", "de")
    assert placed.billing_address.name == "Bob Example"
    assert placed.shipping.amount == 890


async def test_where_prices_are_without_tax_it_is_added(shop, basket) -> None:
    answer = await shop.preview(shipping_address=address(country="US", region="ny", postal_code="10001"))
    seen = Preview.model_validate(answer.json())
    assert not seen.prices_include_tax
    assert [line.tax.amount for line in seen.lines] == [392, 32]  # 4 %
    assert seen.tax.amount == 392 + 32 + 16
    assert seen.total.amount == 10599 + 390 + 392 + 32 + 16


# Once


async def test_the_same_key_is_the_same_order(shop, basket) -> None:
    first = await shop.order()
    shop.around.fill({basket[0]: 1})  # the shopper goes on shopping
    shop.around.sell("lamp", 1)
    again = await shop.order()
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(await shop.events()) == 1
    assert ("me", "ann") in shop.around.carts  # what came later is not ordered


async def test_many_at_once_are_one_order(shop, basket) -> None:
    answers = await asyncio.gather(*(shop.order() for _ in range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(await shop.events()) == 1


async def test_a_twin_that_is_overtaken_finds_the_order_and_not_an_empty_cart(shop, basket) -> None:
    """Two of the same request: one looks for the order, and before it reads the cart the other is through."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait_once() -> None:
        del shop.around.misbehave["cart"]
        begun.set()
        await go_on.wait()

    shop.around.misbehave["cart"] = wait_once
    slow = asyncio.create_task(shop.order())
    await begun.wait()
    quick = await shop.order()
    go_on.set()
    answer = await slow
    assert (answer.status_code, answer.json()) == (202, quick.json())
    assert len(await shop.events()) == 1


async def test_a_key_with_another_order_is_refused(shop, basket) -> None:
    await shop.order()
    assert problem(await shop.order(shipping_option="express")) == (422, "idempotency-key-reused")
    assert len(await shop.events()) == 1


async def test_keys_of_different_shoppers_are_different(shop, basket) -> None:
    shop.around.fill({basket[0]: 1}, subject="bob")
    ann, bob = await shop.order(), await shop.order(subject="bob")
    assert ann.json()["order_id"] == str(order_id("ann", "key-1"))
    assert bob.json()["order_id"] == str(order_id("bob", "key-1"))
    assert ann.json()["order_id"] != bob.json()["order_id"]


async def test_an_order_needs_a_key(shop, basket) -> None:
    body = {"cart_id": "me", "email": "a@b.c", "shipping_address": address()}
    answer = await shop.http.post("/orders", json=body, headers=shop.token())
    assert problem(answer)[0] == 422
    assert "header.Idempotency-Key" in answer.json()["detail"]


async def test_a_failure_before_the_order_is_there_is_healed_by_asking_again(
    shop, basket, monkeypatch
) -> None:
    """The coupon is held, then the database goes: what is held for the order does not count against it."""
    shop.around.coupons["TEN"] = 1000
    take = Orders.take

    async def dies(*_args: object) -> None:
        raise ConnectionError("the database has gone")

    monkeypatch.setattr(Orders, "take", dies)
    assert (await shop.order(coupon="ten")).status_code == 503
    monkeypatch.setattr(Orders, "take", take)
    assert list(shop.around.held) == [order_id("ann", "key-1")]
    answer = await shop.order(coupon="ten")
    assert answer.status_code == 202, answer.text
    assert len(await shop.events()) == 1
    assert shop.around.held == {order_id("ann", "key-1"): ("TEN", "ann")}


async def test_a_crash_after_the_order_leaves_a_cart_that_the_next_try_removes(shop, basket) -> None:
    async def fail() -> None:
        if shop.around.asked.count("cart") == 2:  # the deletion
            raise RuntimeError("cart is broken")

    shop.around.misbehave["cart"] = fail
    first = await shop.order()
    assert first.status_code == 202
    assert ("me", "ann") in shop.around.carts
    shop.around.misbehave.clear()
    assert (await shop.order()).json() == first.json()
    assert shop.around.carts == {}


# What the shopper was shown


async def test_a_total_that_has_changed_is_shown_and_nothing_is_ordered(shop, basket) -> None:
    total = (await shop.preview()).json()["total"]
    shop.around.sell("lamp", 5900)
    refused = await shop.order(expected_total=total)
    assert problem(refused) == (409, "total-changed")
    figures = refused.json()["figures"]
    assert figures["total"]["amount"] == total["amount"] + 2000
    assert await shop.events() == []
    assert shop.around.held == {}
    accepted = await shop.order(expected_total=figures["total"])  # the same key: there is no order yet
    assert accepted.status_code == 202
    other = {"amount": total["amount"], "currency": "USD"}
    assert problem(await shop.order(key="2", expected_total=other)) == (422, "cart-empty")


async def test_a_total_in_another_currency_is_another_total(shop, basket) -> None:
    total = (await shop.preview()).json()["total"] | {"currency": "USD"}
    assert problem(await shop.order(expected_total=total)) == (409, "total-changed")


# Discounts


async def test_promotion_and_coupon_come_off_and_the_coupon_is_held(shop, basket) -> None:
    shop.around.promotion_off, shop.around.coupons["TEN"] = 500, 1000
    answer = await shop.order(coupon="ten")
    (placed,) = await shop.placed()
    assert [line.discount.amount for line in placed.lines] == [1500, 0]
    assert placed.lines[0].total.amount == 9800 - 1500
    assert (placed.discount.amount, placed.coupon) == (1500, "TEN")
    assert shop.around.held == {UUID(answer.json()["order_id"]): ("TEN", "ann")}


async def test_both_together_never_exceed_the_line(shop, basket) -> None:
    shop.around.promotion_off, shop.around.coupons["TEN"] = 9000, 9000
    seen = Preview.model_validate((await shop.preview(coupon="TEN")).json())
    assert seen.lines[0].discount.amount == 9800
    assert seen.lines[0].total.amount == 0
    assert shop.around.held == {}  # a preview holds nothing


async def test_a_coupon_that_cannot_be_used_is_refused(shop, basket) -> None:
    for answer in (await shop.preview(coupon="NOPE"), await shop.order(coupon="NOPE")):
        assert problem(answer) == (422, "coupon-refused")
        assert answer.json()["reason"] == "unknown"
    assert await shop.events() == []


async def test_a_coupon_that_is_lost_between_check_and_hold_is_refused(shop, basket) -> None:
    shop.around.coupons["TEN"] = 1000
    shop.around.held[order_id("ann", "key-1")] = ("OTHER", "ann")
    assert problem(await shop.order(coupon="TEN")) == (422, "idempotency-key-reused")
    assert await shop.events() == []


# What cannot be ordered


async def test_an_empty_cart_and_none_at_all(shop) -> None:
    shop.around.fill({})
    for subject in ("ann", "bob"):
        assert problem(await shop.order(subject=subject)) == (422, "cart-empty")
        assert problem(await shop.preview(subject=subject)) == (422, "cart-empty")


async def test_what_is_sold_no_more_is_named(shop, basket) -> None:
    shop.around.sell("cup", active=False)
    unknown = uuid4()
    shop.around.fill({basket[0]: 1, basket[1]: 1, unknown: 1})
    refused = await shop.order()
    assert problem(refused) == (409, "not-sold")
    assert refused.json()["products"] == [str(basket[1]), str(unknown)]
    shop.around.fill({basket[0]: 1, shop.around.sell("tea", currency="GBP"): 1})
    assert problem(await shop.preview()) == (409, "not-sold")


async def test_a_shortage_is_named(shop, basket) -> None:
    shop.around.stock[basket[0]] = 1
    shortage = {"product_id": str(basket[0]), "wanted": 2, "available": 1}
    seen = await shop.preview()
    assert (seen.status_code, seen.json()["shortages"]) == (200, [shortage])
    refused = await shop.order()
    assert problem(refused) == (409, "out-of-stock")
    assert refused.json()["shortages"] == [shortage]
    assert await shop.events() == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"shipping_option": "by-air"}, "expected one of standard, express"),
        ({"shipping_address": address(country="AQ")}, "no tax is known"),
        ({"shipping_address": address(postal_code="nowhere")}, "no carrier takes that"),
    ],
)
async def test_where_it_cannot_go(shop, basket, wanted, says: str) -> None:
    for refused in (await shop.order(**wanted), await shop.preview(**wanted)):
        assert problem(refused) == (422, "not-deliverable")
        assert says in refused.json()["detail"]


async def test_a_region_that_must_be_named(shop, basket) -> None:
    refused = await shop.order(shipping_address=address(country="US", region="Bavaria"))
    assert problem(refused) == (422, "region-unknown")
    assert "NY" in refused.json()["regions"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "ann"},
        {"payment_method": "4111"},
        {"locale": "english"},
        {"shipping_address": address() | {"country": "nl"}},
        {"cart_id": ""},
        {"total": 1},
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(shop, basket, wrong) -> None:
    assert problem(await shop.order(**wrong)) == (422, "about:blank")
    assert shop.around.asked == []


async def test_a_card_number_is_refused_wherever_it_is(shop, basket) -> None:
    refused = await shop.order(shipping_address=address(line2="4111 1111 1111 1111"))
    assert problem(refused) == (422, "card-number")
    assert "4111" not in refused.text
    assert shop.around.asked == []
