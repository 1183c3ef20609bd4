"""What is not known is found out, by whoever comes first, and never done twice."""

from typing import Any, NoReturn

import pytest

# What the database decides is tested on both, in the other modules.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LOST = ["lost_before", "lost_after", "crash_before", "crash_after"]


async def state(shop: Any) -> str:
    return str((await shop.admin.get("/admin/payments/order-1")).json()["state"])


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("found_by", ["caller", "get", "schedule", "webhook"])
async def test_a_hold_whose_answer_is_lost(shop: Any, fault: str, found_by: str) -> None:
    shop.gateway.faults = [fault]
    answer = await shop.pay()
    assert answer.status_code == (500 if fault.startswith("crash") else 200)
    assert await state(shop) == "pending"
    arrived = fault.endswith("after")
    match found_by:
        case "caller":
            assert (await shop.pay()).json()["state"] == "authorised"
        case "get":  # it asks, and does nothing
            assert (await shop.read())["state"] == ("authorised" if arrived else "pending")
            await shop.resume()
        case "schedule":
            await shop.resume()
        case "webhook":
            for told in shop.gateway.told:
                assert await shop.payments.told("test", told)
            assert await state(shop) == ("authorised" if arrived else "pending")
            await shop.resume()
    assert await state(shop) == "authorised"
    assert shop.gateway.calls.count("authorise") == 1
    assert await shop.told() == ["authorised"]
    assert (await shop.attempts())["authorise"][0] == "done"


@pytest.mark.parametrize(
    ("fault", "found_by"),
    [
        ("lost_before", "caller"),
        ("lost_after", "caller"),
        ("crash_before", "schedule"),
        ("crash_after", "schedule"),
        ("lost_after", "webhook"),
    ],
)
@pytest.mark.parametrize("step", ["capture", "void", "refund"])
async def test_a_step_whose_answer_is_lost(shop: Any, step: str, fault: str, found_by: str) -> None:
    async def ask() -> Any:
        return await (shop.refund("r1", 1000) if step == "refund" else getattr(shop, step)())

    after = {"capture": "captured", "void": "voided", "refund": "partially_refunded"}[step]
    await shop.pay()
    if step == "refund":
        await shop.capture()
    before = await state(shop)
    shop.gateway.faults = [fault]
    answer = await ask()
    if fault.startswith("lost"):
        assert (answer.status_code, answer.json()["type"]) == (503, "gateway-unavailable")
    assert await state(shop) == before
    if found_by == "caller":
        assert (await ask()).json()["state"] == after
    elif found_by == "webhook" and fault.endswith("after"):
        for told in shop.gateway.told:
            await shop.payments.told("test", told)
    else:
        await shop.resume()
    assert await state(shop) == after
    assert shop.gateway.calls.count(step) == 1
    assert (await shop.told())[-1] == {"refund": "refunded"}.get(step, after)
    assert {opened for opened, _ in (await shop.attempts()).values()} == {"done"}


async def test_a_gateway_that_is_down_is_asked_again_ever_more_slowly(shop: Any) -> None:
    shop.gateway.down = True
    assert (await shop.pay()).json()["state"] == "pending"
    for _ in range(3):
        await shop.resume()
    await shop.resume(after=5.0)  # too soon
    assert (await shop.attempts())["authorise"] == ("open", 4)
    assert (await shop.read())["state"] == "pending"
    shop.gateway.down = False
    await shop.resume()
    assert await state(shop) == "authorised"


async def test_a_refund_that_is_not_known_is_owed_and_counts(shop: Any) -> None:
    await shop.captured()
    shop.gateway.faults = ["lost_before"]
    assert (await shop.refund("r1", 5000)).status_code == 503
    assert (await shop.balances())["customers"] == -5000
    assert (await shop.refund("r2", 1000)).json()["type"] == "not-refundable"
    assert (await shop.read())["refunds"][0]["state"] == "pending"
    await shop.resume()
    assert "customers" not in await shop.balances()
    assert (await shop.refund("r1", 5000)).json()["refunded"]["amount"] == 5000


@pytest.mark.parametrize("fault", ["lost_before", "crash_before"])
async def test_a_void_of_what_never_arrived(shop: Any, fault: str) -> None:
    shop.gateway.faults = [fault]
    await shop.pay()
    assert (await shop.void()).json()["state"] == "voided"
    assert (await shop.attempts())["void"][0] == "open"  # what is on its way may still arrive
    await shop.resume()
    assert await shop.attempts() == {"authorise": ("refused", 1), "void": ("done", 2)}
    assert shop.gateway.calls == ["find", "find"]
    assert (await shop.pay()).json()["state"] == "voided"
    assert await shop.told() == ["voided"]


@pytest.mark.parametrize("found_by", ["schedule", "webhook"])
async def test_a_hold_that_arrives_after_the_void_is_released(shop: Any, found_by: str) -> None:
    """The request was on its way when the gateway was asked for it."""
    shop.gateway.faults = ["lost_before"]
    await shop.pay()
    assert (await shop.void()).json()["state"] == "voided"
    order = (await shop.admin.get("/admin/payments/order-1")).json()
    assert order["state"] == "voided"
    await shop.gateway.authorise("order-1:authorise", _order())
    if found_by == "webhook":
        await shop.payments.told("test", shop.gateway.told[0])
        await shop.resume(after=1.0)
    else:
        await shop.resume()
    assert shop.gateway.of("order-1").status == "voided"
    for told in shop.gateway.told:
        await shop.payments.told("test", told)
    await shop.resume()
    assert (await shop.attempts())["void"][0] == "done"
    assert await shop.told() == ["voided"]


async def test_a_late_hold_is_released_even_long_after(shop: Any) -> None:
    shop.gateway.faults = ["lost_before"]
    await shop.pay()
    await shop.void()
    await shop.resume()
    assert (await shop.attempts())["void"][0] == "done"
    await shop.gateway.authorise("order-1:authorise", _order())
    await shop.payments.told("test", shop.gateway.told[0])
    assert (await shop.attempts())["void"][0] == "open"
    await shop.resume(after=1.0)
    assert shop.gateway.of("order-1").status == "voided"


async def test_a_key_that_the_gateway_forgot_is_not_sent_again(shop: Any) -> None:
    shop.gateway.key_life = 3600.0
    shop.gateway.faults = ["lost_before"]
    await shop.pay()
    await shop.resume(after=4000)
    payment = await shop.read()
    assert (payment["state"], payment["reason"]) == ("declined", "no_answer")
    assert "authorise" not in shop.gateway.calls
    await shop.captured("order-2")
    shop.gateway.faults = ["lost_before"]
    await shop.refund("r1", 1000, "order-2")
    await shop.resume(after=4000)
    assert (await shop.refund("r1", 1000, "order-2")).json()["type"] == "not-refundable"
    assert "refund" not in shop.gateway.calls


async def test_a_capture_waits_for_no_void(shop: Any) -> None:
    await shop.pay()
    shop.gateway.faults = ["lost_before"]
    assert (await shop.void()).status_code == 503
    answer = await shop.capture()
    assert (answer.status_code, answer.json()["type"]) == (409, "illegal-state")
    assert "voided" in answer.json()["detail"]


async def test_a_void_after_a_capture_that_arrived_is_refused(shop: Any) -> None:
    await shop.pay()
    shop.gateway.faults = ["lost_after"]
    assert (await shop.capture()).status_code == 503
    answer = await shop.void()
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (
        409,
        "illegal-state",
        "captured",
    )
    assert (await shop.read())["state"] == "captured"


async def test_a_capture_that_comes_after_a_void_is_refused(shop: Any) -> None:
    await shop.pay()
    shop.gateway.faults = ["lost_before"]
    assert (await shop.capture()).status_code == 503
    assert (await shop.void()).json()["state"] == "voided"
    await shop.resume()
    assert (await shop.attempts())["capture"][0] == "refused"
    assert shop.gateway.of("order-1").captured == 0


def _order() -> Any:
    from shop_payment.gateways import Order

    return Order("order-1", 5900, "EUR", "tok_visa", "")


@pytest.mark.parametrize(("approved", "after"), [(True, "authorised"), (False, "declined")])
@pytest.mark.parametrize("found_by", ["caller", "get", "schedule", "webhook"])
async def test_the_shopper_confirms_at_the_gateway(
    shop: Any, approved: bool, after: str, found_by: str
) -> None:
    payment = (await shop.pay(method="tok_3ds")).json()
    assert (payment["state"], payment["action_url"]) == ("action_required", "https://gateway/challenge")
    assert (await shop.capture()).json()["type"] == "illegal-state"
    shop.gateway.complete("order-1", approved=approved)
    match found_by:
        case "caller":
            await shop.pay(method="tok_3ds")
        case "get":
            await shop.read()
        case "schedule":
            await shop.resume()
        case "webhook":
            await shop.payments.told("test", shop.gateway.told[1])
    payment = (await shop.admin.get("/admin/payments/order-1")).json()
    assert (payment["state"], payment["action_url"]) == (after, None)
    assert payment["reason"] == (None if approved else "authentication_failed")
    assert await shop.told() == ["action_required", after]


async def test_a_void_ends_the_wait_for_the_shopper(shop: Any) -> None:
    await shop.pay(method="tok_3ds")
    assert (await shop.void()).json()["state"] == "voided"
    shop.gateway.complete("order-1", approved=True)
    assert shop.gateway.of("order-1").status == "voided"
    assert await shop.told() == ["action_required", "voided"]


async def test_without_its_database_no_gateway_is_asked(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked is written down first, or nobody could find out what came of it."""

    def away() -> NoReturn:
        raise ConnectionRefusedError("nobody there")

    with monkeypatch.context() as outage:
        outage.setattr(shop.runtime.store, "transaction", away)
        answer = await shop.pay()
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
    assert shop.gateway.calls == []
    assert (await shop.pay()).json()["state"] == "authorised"
    assert shop.gateway.calls.count("authorise") == 1
