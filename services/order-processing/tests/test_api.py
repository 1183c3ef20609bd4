"""The service as shoppers, administrators and other services see it, with its engine at work."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from shop_chassis.events import Event
from shop_chassis.paging import cursor
from shop_contracts.order_processing.api import Order, OrderState, Return, SagaDetail, SagaPage
from shop_contracts.order_processing.events import OrderCancelled, OrderEvent, OrderRefunded
from shop_contracts.user.events import ERASED
from shop_order_processing.invoices import amount

from .conftest import Shop, problem
from .neighbours import CUP, LAMP, money, placed

NOBODY = uuid4()


async def test_an_order_is_fulfilled_told_and_billed(shop: Shop) -> None:
    id = await shop.place(placed(lines={LAMP: 2, CUP: 1}))
    confirmed = await shop.until(id, OrderState.CONFIRMED)
    assert confirmed.payment is not None
    assert (confirmed.payment.state, confirmed.payment.captured) == ("captured", confirmed.total)
    assert [each.state for each in confirmed.history] == [
        "placed",
        "reserved",
        "authorised",
        "allocated",
        "paid",
        "confirmed",
    ]
    assert confirmed.invoice is not None
    page = await shop.http.get(f"/orders/{id}/invoice", headers=shop.token())
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert confirmed.invoice in page.text
    assert "Cup &lt;b&gt;" in page.text
    assert amount(confirmed.total) in page.text

    for state in ("dispatched", "in_transit", "delivered"):
        shop.world.carry(id, state)
    await shop.until(id, OrderState.DELIVERED)
    await shop.wait(lambda: shop.world.stock[LAMP] == 3)
    events = await shop.events(id)
    assert [event.type for event in events] == [
        *["order.changed"] * 5,
        "order.confirmed",
        "order.shipped",
        "order.delivered",
    ]
    assert [event.sequence for event in events] == list(range(1, 9))
    assert OrderEvent.model_validate(events[5].data).order.state is OrderState.CONFIRMED


async def test_an_order_that_comes_twice_is_one(shop: Shop) -> None:
    order = placed()
    for _ in range(2):
        id = await shop.place(order)
    await shop.until(id, OrderState.CONFIRMED)
    assert shop.world.effects["captured", id] == 1
    sagas = SagaPage.model_validate_json((await shop.admin.get("/admin/sagas")).content)
    assert sorted(saga.kind for saga in sagas.items) == ["order", "shipping"]


async def test_cancelled_after_payment_it_is_refunded_as_a_whole(shop: Shop) -> None:
    id = await shop.place(placed(coupon="TEN"))
    await shop.until(id, OrderState.CONFIRMED)
    wish = {"reason": "ordered twice"}
    answer = await shop.http.post(f"/orders/{id}:cancel", json=wish, headers=shop.token())
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
    cancelled = await shop.until(id, OrderState.CANCELLED)
    assert cancelled.payment is not None
    assert (cancelled.payment.state, cancelled.payment.refunded) == ("refunded", cancelled.total)
    assert (shop.world.uses[id], shop.world.available(LAMP)) == ("released", 5)
    told = {event.type: event.data for event in await shop.events(id)}
    assert OrderCancelled.model_validate(told["order.cancelled"]).reason == "ordered twice"
    assert OrderRefunded.model_validate(told["order.refunded"]).amount == cancelled.total
    again = await shop.http.post(f"/orders/{id}:cancel", headers=shop.token())
    assert (again.status_code, again.json()["state"]) == (202, "cancelled")


async def test_what_has_left_is_not_cancelled_but_returned(shop: Shop) -> None:
    id = await shop.delivered(lines={LAMP: 2})
    answer = await shop.http.post(f"/orders/{id}:cancel", headers=shop.token())
    assert problem(answer) == (409, "already-dispatched")

    wanted = {"lines": [{"product_id": str(LAMP), "quantity": 1}], "reason": "damaged"}
    key = {"Idempotency-Key": "once"}
    first = await shop.http.post(f"/orders/{id}/returns", json=wanted, headers=shop.token() | key)
    assert first.status_code == 201, first.text
    again = await shop.http.post(f"/orders/{id}/returns", json=wanted, headers=shop.token() | key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await shop.http.post(
        f"/orders/{id}/returns", json=wanted | {"reason": "other"}, headers=shop.token() | key
    )
    assert problem(other) == (422, "idempotency-key-reused")
    too_many = {"lines": [{"product_id": str(LAMP), "quantity": 2}]}
    refused = await shop.http.post(
        f"/orders/{id}/returns", json=too_many, headers=shop.token() | {"Idempotency-Key": "more"}
    )
    assert problem(refused) == (409, "not-returnable")

    def is_in(state: str) -> Any:
        return lambda order: [each.state for each in order.returns] == [state]

    back: Return = (await shop.until(id, is_in("labelled"))).returns[0]
    shop.world.bring_back(str(back.id))
    order = await shop.until(id, is_in("refunded"))
    assert order.payment is not None
    assert order.payment.refunded == money(4900)
    assert shop.world.returned[str(back.id)]["lines"][0]["resell"] is False
    types = [event.type for event in await shop.events(id)]
    assert types[-2:] == ["order.returned", "order.refunded"] or types.count("order.refunded") == 1


async def test_a_shopper_is_asked_to_confirm_the_payment(shop: Shop) -> None:
    id = await shop.place(placed(method="tok_3ds", subject="guest:1"))
    asked = await shop.until(id, OrderState.ACTION_REQUIRED)
    seen = await shop.http.get(f"/orders/{id}", headers=shop.token("guest:1", "guest"))
    assert seen.json()["action_url"] == asked.action_url == f"https://bank.example/{id}"
    shop.world.answer_challenge(id, agreed=True)
    confirmed = await shop.until(id, OrderState.CONFIRMED)
    assert confirmed.action_url is None


async def test_lists_are_paged(shop: Shop) -> None:
    ids = [await shop.place(placed()) for _ in range(3)]
    for id in ids:
        await shop.until(id, OrderState.CONFIRMED)
    seen, after = [], None
    while True:
        params = {"limit": 2} | ({"after": after} if after else {})
        page = (await shop.http.get("/orders", params=params, headers=shop.token())).json()
        seen += [order["id"] for order in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == sorted(ids)
    state = {"state": "confirmed", "subject": "ann", "limit": 2}
    assert len((await shop.admin.get("/admin/orders", params=state)).json()["items"]) == 2
    assert (await shop.admin.get("/admin/orders", params={"state": "returned"})).json()["items"] == []
    first = SagaPage.model_validate_json((await shop.admin.get("/admin/sagas", params={"limit": 4})).content)
    rest = await shop.admin.get("/admin/sagas", params={"limit": 4, "after": first.next})
    assert len(first.items) + len(rest.json()["items"]) == 6
    assert (await shop.admin.get("/admin/sagas", params={"after": "nonsense"})).status_code == 422


async def test_what_no_database_takes_is_refused(shop: Shop) -> None:
    id = await shop.place(placed())
    await shop.until(id, OrderState.CONFIRMED)
    saga = (await shop.admin.get("/admin/sagas")).json()["items"][0]["id"]
    for path in (
        f"/admin/orders/{id}:cancel",
        f"/admin/sagas/{saga}:retry",
        f"/admin/sagas/{saga}:compensate",
    ):
        assert (await shop.admin.post(path, json={"reason": "a\x00b"})).status_code == 422
    for when in ("2026-11-21T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        params = {"after": cursor(when, NOBODY)}
        assert (await shop.admin.get("/admin/orders", params=params)).status_code == 422
    assert (await shop.admin.get("/admin/orders", params={"subject": "a\x00"})).status_code == 422


async def test_a_saga_that_waits_is_turned_around_by_an_administrator(shop: Shop) -> None:
    id = await shop.place(placed(method="tok_slow"))
    await shop.until(id, OrderState.RESERVED)
    [saga] = (await shop.admin.get("/admin/sagas", params={"order_id": id, "state": "open"})).json()["items"]
    retried = await shop.admin.post(f"/admin/sagas/{saga['id']}:retry", json={"reason": "have a look"})
    assert retried.status_code == 202
    turned = await shop.admin.post(f"/admin/sagas/{saga['id']}:compensate", json={"reason": "no bank"})
    assert turned.status_code == 202
    order = await shop.until(id, OrderState.CANCELLED)
    assert order.reason == "no bank"
    shown = SagaDetail.model_validate_json((await shop.admin.get(f"/admin/sagas/{saga['id']}")).content)
    assert (shown.state, shown.stuck, shown.next_at) == ("undone", False, None)
    assert "by boss: have a look" in [entry.reason for entry in shown.log]
    for verb in ("retry", "compensate"):
        answer = await shop.admin.post(f"/admin/sagas/{saga['id']}:{verb}")
        assert problem(answer) == (409, "ended")


async def test_past_the_pivot_nothing_is_turned_around(shop: Shop) -> None:
    shop.world.late_webhook = True
    id = await shop.place(placed(method="tok_visa"))
    shop.world.told.clear()
    await shop.until(id, lambda order: order.state in (OrderState.ALLOCATED, OrderState.CONFIRMED))
    await shop.until(id, OrderState.CONFIRMED)
    [shipping] = (await shop.admin.get("/admin/sagas", params={"kind": "shipping"})).json()["items"]
    shop.world.carry(id, "dispatched")
    await shop.until(id, OrderState.SHIPPED)
    async with asyncio.timeout(30):  # the order is told before its saga has looked
        while (saga := (await shop.admin.get(f"/admin/sagas/{shipping['id']}")).json())["state"] == "open":
            if saga["step"] != "dispatch" or saga["attempts"]:
                break
            await asyncio.sleep(0.01)
    answer = await shop.admin.post(f"/admin/sagas/{shipping['id']}:compensate")
    assert answer.status_code == 409


async def test_invoices_have_no_gaps(shop: Shop) -> None:
    orders = [placed(method=method) for method in ("tok_visa", "tok_declined", "tok_visa", "tok_visa")]
    ends = (OrderState.CONFIRMED, OrderState.CANCELLED)
    numbers = []
    for order in orders:
        await shop.place(order)
    for order in orders:
        ended = await shop.until(str(order.order_id), lambda found: found.state in ends)
        numbers.append(ended.invoice)
    issued = sorted(int(number.partition("-")[2]) for number in numbers if number)
    assert issued == [1, 2, 3]


async def test_a_person_sees_their_data_and_goes(shop: Shop) -> None:
    waiting = await shop.place(placed(method="tok_slow"))
    done = await shop.delivered()
    await shop.until(waiting, OrderState.RESERVED)
    shown = (await shop.user.get("/internal/personal-data/ann")).json()
    assert {order["id"] for order in shown["orders"]} == {waiting, done}
    assert (await shop.user.get("/internal/personal-data/nobody")).json() == {}
    assert (await shop.http.get("/internal/personal-data/ann", headers=shop.token())).status_code == 401

    gone = Event(source="/user", type=ERASED, subject="ann", sequence=1, data={})
    await shop.bus.publish(gone.topic, gone.encode(), message_id=gone.id)
    erased: Order = await shop.until(done, lambda order: not order.email)
    assert (erased.subject, erased.shipping_address.name, erased.billing_address.city) == (
        "",
        "erased",
        "erased",
    )
    assert erased.invoice is not None
    open_one = await shop.order(waiting)
    assert open_one is not None
    assert open_one.shipping_address.name == "Ann Example"  # it may still have to be sent
    shop.world.answer_challenge(waiting, agreed=False)
    await shop.until(waiting, lambda order: order.state is OrderState.CANCELLED and not order.email)
    assert (await shop.user.get("/internal/personal-data/ann")).json() == {}


async def test_metrics_say_how_sagas_fare(shop: Shop) -> None:
    id = await shop.place(placed())
    await shop.until(id, OrderState.CONFIRMED)
    text = (await shop.http.get("/metrics")).text
    done = 'order_saga_steps_total{direction="forward",kind="order",outcome="done",step="capture"} 1.0'
    assert done in text
    for name in ("order_sagas_stuck", "order_sagas_oldest_seconds"):
        assert f"\n{name} " in text


@pytest.mark.parametrize(
    ("given", "shown"), [(1999, "19.99 EUR"), (5, "0.05 EUR"), (-250, "-2.50 EUR"), (0, "0.00 EUR")]
)
def test_amounts_have_their_currency_s_digits(given: int, shown: str) -> None:
    assert amount(money(given)) == shown
    assert amount(money(1999).model_copy(update={"currency": "JPY"})) == "1999 JPY"
