"""A payment from the hold to the refund, and what is refused on the way."""

import asyncio
from typing import Any

import pytest
from shop_contracts.payment.api import Payment, PaymentDetails
from shop_contracts.payment.events import PaymentChanged
from shop_payment.service import service


async def test_the_schema_is_that_of_the_tables(shop: Any) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(shop.runtime.store) == []
    assert (await shop.anybody.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_a_payment_from_hold_to_refund(shop: Any) -> None:
    held = Payment.model_validate((await shop.pay()).json())
    assert (held.state, held.amount.amount, held.captured.amount, held.gateway) == (
        "authorised",
        5900,
        0,
        "test",
    )
    taken = Payment.model_validate((await shop.capture()).json())
    assert (taken.state, taken.captured.amount) == ("captured", 5900)
    assert await shop.balances() == {
        "gateway:test": 5841,
        "fees": 59,
        "sales": -(5900 - 942 - 490),
        "tax": -942,
        "shipping": -490,
    }
    part = Payment.model_validate((await shop.refund("r1", 1900)).json())
    assert (part.state, part.refunded.amount) == ("partially_refunded", 1900)
    rest = Payment.model_validate((await shop.refund("r2", 4000)).json())
    assert (rest.state, rest.refunded.amount) == ("refunded", 5900)
    assert [(made.id, made.amount.amount, made.reason, made.state) for made in rest.refunds] == [
        ("r1", 1900, "returned", "done"),
        ("r2", 4000, "returned", "done"),
    ]
    assert await shop.read() == rest.model_dump(mode="json")
    assert (await shop.balances())["gateway:test"] == -59
    assert (await shop.balances())["refunds"] == 5900
    told = [PaymentChanged.model_validate(event.data) for event in await shop.events()]
    assert await shop.told() == ["authorised", "captured", "refunded", "refunded"]
    assert [each.payment.state for each in told] == [
        "authorised",
        "captured",
        "partially_refunded",
        "refunded",
    ]
    assert [each.refund_id for each in told] == [None, None, "r1", "r2"]
    assert [event.sequence for event in await shop.events()] == [1, 2, 3, 4]


async def test_everything_may_be_repeated(shop: Any) -> None:
    first = [(await shop.pay()).json() for _ in range(3)]
    assert first[0] == first[1] == first[2]
    for _ in range(3):
        assert (await shop.capture()).json()["state"] == "captured"
    for _ in range(3):
        assert (await shop.refund("r1", 5900)).json()["state"] == "refunded"
    assert (await shop.pay()).json()["state"] == "refunded"
    assert (await shop.capture()).json()["state"] == "refunded"
    assert shop.gateway.calls == ["authorise", "capture", "refund"]
    assert await shop.told() == ["authorised", "captured", "refunded"]


async def test_those_who_ask_at_once_get_the_same_and_it_happens_once(shop: Any) -> None:
    answers = await asyncio.gather(*(shop.pay() for _ in range(8)))
    assert {answer.json()["state"] for answer in answers} <= {"authorised", "pending"}
    answers = await asyncio.gather(*(shop.capture() for _ in range(8)))
    assert {answer.json()["state"] for answer in answers} == {"captured"}
    answers = await asyncio.gather(*(shop.refund("r1", 1000) for _ in range(8)))
    assert {answer.json()["refunded"]["amount"] for answer in answers} == {1000}
    assert shop.gateway.of("order-1").captured == 5900
    assert shop.gateway.refunded(shop.gateway.of("order-1")) == 1000
    assert await shop.told() == ["authorised", "captured", "refunded"]


async def test_a_decline_is_a_state(shop: Any) -> None:
    answer = await shop.pay(method="tok_declined")
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
        200,
        "declined",
        "declined",
    )
    assert (await shop.void()).json()["state"] == "declined"
    capture = await shop.capture()
    assert (capture.status_code, capture.json()["type"], capture.json()["state"]) == (
        409,
        "illegal-state",
        "declined",
    )
    assert await shop.told() == ["declined"]
    assert await shop.balances() == {}


async def test_an_id_means_one_request(shop: Any) -> None:
    await shop.captured()
    other = await shop.pay(method="tok_other")
    assert (other.status_code, other.json()["type"]) == (409, "different-request")
    await shop.refund("r1", 100)
    other = await shop.refund("r1", 200)
    assert (other.status_code, other.json()["type"]) == (409, "different-request")
    assert (await shop.read())["refunded"]["amount"] == 100


async def test_a_void_gives_up_the_hold(shop: Any) -> None:
    await shop.pay()
    for _ in range(2):
        assert (await shop.void()).json()["state"] == "voided"
    assert shop.gateway.of("order-1").status == "voided"
    assert (await shop.capture()).json()["type"] == "illegal-state"
    assert (await shop.pay()).json()["state"] == "voided"
    assert await shop.told() == ["authorised", "voided"]


async def test_a_void_that_comes_first_leaves_a_tombstone(shop: Any) -> None:
    for _ in range(2):
        answer = await shop.void()
        assert (answer.status_code, answer.json()["state"]) == (200, "voided")
        assert answer.json()["amount"] == {"amount": 0, "currency": "XXX"}
    late = await shop.pay()
    assert (late.status_code, late.json()["type"], late.json()["state"]) == (409, "illegal-state", "voided")
    assert (await shop.refund("r1", 100)).json()["type"] == "illegal-state"
    assert shop.gateway.calls == []
    assert await shop.told() == ["voided"]


async def test_a_void_and_a_hold_at_once_end_without_money_held(shop: Any) -> None:
    for number in range(6):
        order = f"order-{number}"
        await asyncio.gather(shop.pay(order), shop.void(order))
        await shop.resume()
        charge = shop.gateway.of(order)
        assert charge is None or charge.status == "voided"
        assert (await shop.read(order))["state"] == "voided"


async def test_what_is_taken_cannot_be_voided(shop: Any) -> None:
    await shop.captured()
    answer = await shop.void()
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (
        409,
        "illegal-state",
        "captured",
    )


@pytest.mark.parametrize(
    ("amounts", "good"), [([3000, 3000], 1), ([5900, 1], 1), ([5901], 0), ([1000] * 9, 5)]
)
async def test_refunds_stay_below_what_was_taken(shop: Any, amounts: list[int], good: int) -> None:
    await shop.captured()
    refunds = [shop.refund(f"r{number}", amount) for number, amount in enumerate(amounts)]
    answers = await asyncio.gather(*refunds)
    assert [answer.status_code for answer in answers].count(200) == good
    refused = {answer.json()["type"] for answer in answers if answer.status_code != 200}
    assert refused <= {"not-refundable", "illegal-state"}
    assert (await shop.read())["refunded"]["amount"] <= 5900


async def test_a_refund_needs_a_captured_payment_and_its_currency(shop: Any) -> None:
    assert (await shop.refund("r1", 1)).status_code == 404
    await shop.pay()
    assert (await shop.refund("r1", 1)).json()["type"] == "illegal-state"
    await shop.capture()
    foreign = await shop.refund("r1", 1, currency="USD")
    assert (foreign.status_code, foreign.json()["type"]) == (409, "not-refundable"), foreign.text


async def test_a_refund_that_the_gateway_refuses_is_not_owed(shop: Any) -> None:
    await shop.captured()
    charge = shop.gateway.of("order-1")
    await shop.gateway.refund("made-there", charge.id, "", 5900)  # by a person, at the gateway
    answer = await shop.refund("r1", 1000)
    assert (answer.status_code, answer.json()["type"]) == (409, "not-refundable")
    again = await shop.refund("r1", 1000)
    assert (again.status_code, again.json()["type"]) == (409, "not-refundable")
    payment = await shop.read()
    assert {(made["id"], made["state"]) for made in payment["refunds"]} == {
        ("r1", "refused"),
        ("made-there", "done"),
    }
    assert payment["state"] == "refunded"
    assert await shop.told() == ["authorised", "captured", "refunded"]


async def test_an_unknown_order_or_gateway(shop: Any) -> None:
    assert (await shop.http.get("/internal/payments/nothing")).status_code == 404
    assert (await shop.capture("nothing")).status_code == 404
    answer = await shop.pay(gateway="paypal")
    assert (answer.status_code, answer.json()["type"]) == (422, "unknown-gateway")
    assert "test" in answer.json()["detail"]
    assert (await shop.http.get("/internal/payments/order-1")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"amount": 0, "currency": "EUR"}},
        {"amount": {"amount": -1, "currency": "EUR"}},
        {"tax": {"amount": 942, "currency": "USD"}},
        {"tax": {"amount": 5901, "currency": "EUR"}},
        {"shipping": {"amount": -1, "currency": "EUR"}},
        {"method": ""},
        {"colour": "red"},
    ],
)
async def test_what_cannot_be_is_refused(shop: Any, change: dict[str, Any]) -> None:
    assert (await shop.pay(**change)).status_code == 422
    assert shop.gateway.calls == []


async def test_administrators_see_payments_and_attempts(shop: Any) -> None:
    for number in range(5):
        await shop.pay(f"order-{number}", "tok_visa" if number % 2 else "tok_declined")
    first = (await shop.admin.get("/admin/payments", params={"limit": 3})).json()
    second = (await shop.admin.get("/admin/payments", params={"limit": 3, "after": first["next"]})).json()
    listed = [item["order_id"] for item in first["items"] + second["items"]]
    assert listed == [f"order-{number}" for number in (4, 3, 2, 1, 0)]
    assert second["next"] is None
    own = (await shop.admin.get("/admin/payments", params={"state": "authorised"})).json()["items"]
    assert [item["order_id"] for item in own] == ["order-3", "order-1"]
    details = PaymentDetails.model_validate((await shop.admin.get("/admin/payments/order-1")).json())
    assert (details.customer, details.description, details.charge) == ("ann", "Order 1", "ch_2")
    assert [(made.kind, made.state, made.tries) for made in details.attempts] == [("authorise", "done", 1)]
    assert (await shop.admin.get("/admin/payments/nothing")).status_code == 404


async def test_a_persons_data_is_shown_and_goes_while_the_books_stay(shop: Any) -> None:
    await shop.captured()
    shown = await shop.payments.export("ann")
    assert [payment["order_id"] for payment in shown["payments"]] == ["order-1"]
    assert await shop.payments.export("bob") == {}
    for _ in range(2):
        async with shop.runtime.store.transaction() as session:
            await shop.payments.erase(session, "ann")
    assert await shop.payments.export("ann") == {}
    details = (await shop.admin.get("/admin/payments/order-1")).json()
    assert (details["customer"], details["description"], details["state"]) == ("", "", "captured")
    assert (await shop.refund("r1", 5900)).json()["state"] == "refunded"
