"""Every way an order can go, by the rules alone."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from shop_contracts.order_processing.api import OrderState, ReturnLine, ReturnRequest
from shop_order_processing import machine
from shop_order_processing.case import NotPossible, cancel, request_return

from .bench import KINDS, Bench
from .neighbours import CUP, LAMP, Fate, placed


def run(bench: Bench, until: str) -> None:
    """Up to the moment before that step."""
    for _ in range(100):
        due = [saga for saga in bench.due() if saga.kind == "order"]
        if not due or due[0].progress.step == until:
            return
        bench.step(due[0])
    raise AssertionError(until)


def steps(bench: Bench, kind: str = "order") -> list[str]:
    return [f"{entry.step} {entry.direction} {entry.outcome}" for name, entry in bench.log if name == kind]


def deliver_parcel(bench: Bench, order: UUID) -> None:
    for state in ("dispatched", "in_transit", "delivered"):
        bench.world.carry(str(order), state)
    bench.settle()


def test_an_order_goes_through() -> None:
    bench = Bench()
    order = bench.place(placed(lines={LAMP: 2, CUP: 1}, coupon="TEN"))
    bench.settle()
    assert bench.state(order) is OrderState.SHIPPED
    assert steps(bench) == [
        f"{step} forward done"
        for step in ("reserve", "authorise", "allocate", "commit", "capture", "confirm", "redeem")
    ]
    assert bench.world.stock == {LAMP: 3, CUP: 4}
    assert bench.world.uses[str(order)] == "final"
    assert [type for type, _ in bench.events] == [
        "order.changed",
        "order.changed",
        "order.changed",
        "order.changed",
        "order.changed",
        "order.confirmed",
        "order.shipped",
    ]
    deliver_parcel(bench, order)
    assert bench.state(order) is OrderState.DELIVERED
    bench.check_settled()


@pytest.mark.parametrize(
    ("order", "reason", "undone"),
    [
        (placed(lines={LAMP: 9}), "out-of-stock", []),
        (placed(method="tok_declined"), "insufficient_funds", ["reserve"]),
        (placed(country="AQ"), "not-deliverable", ["authorise", "reserve"]),
        (placed(country="AQ", coupon="TEN"), "not-deliverable", ["authorise", "reserve", "coupon"]),
    ],
)
def test_a_refusal_undoes_what_was_done_in_reverse(order, reason, undone) -> None:
    bench = Bench()
    bench.place(order)
    bench.settle()
    case = bench.cases[order.order_id]
    assert (case.state, case.reason) == (OrderState.CANCELLED, reason)
    assert [line for line in steps(bench) if "back done" in line] == [f"{step} back done" for step in undone]
    bench.check_settled()


def test_a_shopper_confirms_the_payment() -> None:
    bench = Bench()
    order = bench.place(placed(method="tok_3ds"))
    bench.settle(until=timedelta(seconds=60))
    assert bench.state(order) is OrderState.ACTION_REQUIRED
    assert bench.cases[order].action_url == f"https://bank.example/{order}"
    bench.world.answer_challenge(str(order), agreed=True)
    bench.settle()
    assert (bench.state(order), bench.cases[order].action_url) == (OrderState.SHIPPED, None)
    assert ("order.action_required", order) in bench.events
    bench.check_settled()


@pytest.mark.parametrize("agreed", [False, None])
def test_a_payment_that_nobody_confirms_is_given_up(agreed) -> None:
    bench = Bench()
    order = bench.place(placed(method="tok_3ds"))
    bench.settle(until=timedelta(seconds=60))
    began = bench.now
    if agreed is not None:
        bench.world.answer_challenge(str(order), agreed)
    bench.settle()
    reason = "authorise-timeout" if agreed is None else "authentication_failed"
    assert (bench.state(order), bench.cases[order].reason) == (OrderState.CANCELLED, reason)
    assert bench.now - began < timedelta(minutes=15)
    bench.check_settled()


def test_a_hold_that_lapsed_is_taken_again_or_the_order_given_up() -> None:
    for left, state in ((5, OrderState.SHIPPED), (0, OrderState.CANCELLED)):
        bench = Bench()
        order = bench.place(placed())
        run(bench, "commit")
        bench.world.lapse(str(order))
        bench.world.stock[LAMP] = left
        bench.settle()
        assert bench.state(order) is state
        bench.check_settled()


def test_a_late_webhook_of_the_capture_is_waited_for() -> None:
    bench = Bench()
    bench.world.late_webhook = True
    order = bench.place(placed())
    bench.settle()
    assert bench.state(order) is OrderState.SHIPPED
    assert "capture forward pending" in steps(bench)
    bench.check_settled()


BEFORE_CAPTURE = ["reserve", "authorise", "allocate", "commit", "capture"]


@pytest.mark.parametrize("step", BEFORE_CAPTURE)
def test_cancelled_before_capture_nothing_is_taken(step) -> None:
    bench = Bench()
    order = bench.place(placed(coupon="TEN"))
    run(bench, step)
    bench.change(order, lambda case, now: cancel(case, "ordered twice", now))
    bench.settle()
    case = bench.cases[order]
    assert (case.state, case.reason) == (OrderState.CANCELLED, "ordered twice")
    assert not any("captured" in effect for effect in bench.world.effects)
    bench.check_settled()


@pytest.mark.parametrize("step", ["confirm", "redeem"])
def test_cancelled_after_capture_the_whole_is_refunded(step) -> None:
    bench = Bench()
    order = bench.place(placed(coupon="TEN"))
    run(bench, step)
    bench.change(order, lambda case, now: cancel(case, "ordered twice", now))
    bench.change(order, lambda case, now: cancel(case, "again", now))
    bench.settle()
    case = bench.cases[order]
    assert (case.state, case.reason) == (OrderState.CANCELLED, "ordered twice")
    assert bench.world.payments[str(order)]["state"] == "refunded"
    assert case.payment is not None
    assert case.payment.refunded == case.total
    assert bench.world.stock[LAMP] == 5
    told = [type for type, _ in bench.events]
    assert told.count("order.refunded") == told.count("order.cancelled") == 1
    bench.check_settled()


def test_cancelled_while_the_capture_has_no_answer_it_is_refunded() -> None:
    bench = Bench()
    order = bench.place(placed())
    run(bench, "capture")
    [saga] = bench.open()
    bench.step(saga, lambda: "late")
    bench.change(order, lambda case, now: cancel(case, "ordered twice", now))
    bench.settle()
    assert bench.state(order) is OrderState.CANCELLED
    assert bench.world.payments[str(order)]["state"] == "refunded"
    bench.check_settled()


def test_a_parcel_that_has_left_cannot_be_cancelled() -> None:
    bench = Bench()
    order = bench.place(placed())
    run(bench, "")
    assert bench.state(order) is OrderState.CONFIRMED
    bench.world.carry(str(order), "dispatched")  # nobody has heard of it yet
    bench.change(order, lambda case, now: cancel(case, "too late", now))
    assert bench.state(order) is OrderState.CANCELLING
    bench.settle()
    case = bench.cases[order]
    assert case.state is OrderState.SHIPPED
    assert case.cancellation is not None
    assert case.cancellation.refused == "already-dispatched"
    assert [type for type, _ in bench.events].count("order.confirmed") == 1
    with pytest.raises(NotPossible, match="cannot be cancelled any more"):
        cancel(case, "still", bench.now)
    bench.check_settled()


def test_a_shipment_that_somebody_cancelled_is_refunded() -> None:
    bench = Bench()
    order = bench.place(placed())
    run(bench, "")
    bench.world.arrive("logistics", "DELETE", f"/internal/shipments/{order}", None)
    bench.settle()
    assert (bench.state(order), bench.cases[order].reason) == (OrderState.CANCELLED, "shipment cancelled")
    bench.check_settled()


def test_what_cannot_be_delivered_is_refunded_and_goes_back_to_stock() -> None:
    bench = Bench()
    order = bench.place(placed())
    bench.settle()
    bench.world.carry(str(order), "failed")
    bench.settle()
    assert bench.state(order) is OrderState.SHIPPED  # the carrier may try again
    bench.world.carry(str(order), "returning")
    bench.settle()
    assert (bench.state(order), bench.cases[order].reason) == (OrderState.CANCELLED, "undelivered")
    assert bench.world.stock[LAMP] == 4
    bench.world.carry(str(order), "returned")
    bench.settle()
    assert bench.world.stock[LAMP] == 5
    bench.check_settled()


def test_pieces_come_back_and_are_refunded_one_by_one() -> None:
    bench = Bench()
    order = bench.place(placed(lines={LAMP: 3, CUP: 1}, price=3333))
    bench.settle()
    deliver_parcel(bench, order)
    returns = [uuid4(), uuid4()]
    wishes = [
        ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=2)]),
        ReturnRequest(
            lines=[ReturnLine(product_id=LAMP, quantity=1), ReturnLine(product_id=CUP, quantity=1)],
            reason="damaged",
        ),
    ]
    for id, wish in zip(returns, wishes, strict=True):
        bench.change(order, lambda case, now, id=id, wish=wish: request_return(case, id, wish, now))
    bench.settle(until=timedelta(days=2))
    assert [each.state for each in bench.cases[order].returns] == ["labelled", "labelled"]
    assert bench.cases[order].returns[0].label_url == f"/labels/{returns[0]}"

    bench.world.bring_back(str(returns[0]))
    bench.settle(until=timedelta(days=2))
    case = bench.cases[order]
    assert [each.state for each in case.returns] == ["refunded", "labelled"]
    assert (case.state, case.payment.refunded.amount) == (OrderState.DELIVERED, 6666)
    assert bench.world.stock == {LAMP: 4, CUP: 4}

    bench.world.bring_back(str(returns[1]))
    bench.settle()
    case = bench.cases[order]
    assert (case.state, case.payment.refunded.amount) == (OrderState.RETURNED, 4 * 3333)
    assert bench.world.stock == {LAMP: 4, CUP: 4}  # what is damaged is not sold again
    assert [type for type, _ in bench.events].count("order.returned") == 2
    bench.check_settled()


def test_a_return_whose_parcel_never_comes_is_refused() -> None:
    bench = Bench()
    order = bench.place(placed())
    bench.settle()
    deliver_parcel(bench, order)
    wish = ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=1)])
    bench.change(order, lambda case, now: request_return(case, uuid4(), wish, now))
    bench.settle()
    [back] = bench.cases[order].returns
    assert (back.state, back.refused) == ("refused", "receive-timeout")
    bench.check_settled()


def test_an_order_that_costs_nothing_asks_nobody_for_money() -> None:
    bench = Bench()
    order = bench.place(placed(price=0))
    bench.settle()
    assert bench.state(order) is OrderState.SHIPPED
    assert not bench.world.payments


def test_what_never_arrived_is_undone_all_the_same_and_refused_when_it_comes_late() -> None:
    bench = Bench()
    order = bench.place(placed())
    [saga] = bench.open()
    for _ in range(60):
        bench.step(saga, lambda: "lost")
        bench.now = saga.progress.next_at
        if saga.progress.direction == "back":
            break
    bench.settle()
    assert (bench.state(order), bench.cases[order].reason) == (OrderState.CANCELLED, "reserve-timeout")
    late = {"lines": [{"product_id": str(LAMP), "quantity": 1}], "country": "DE"}
    status, said = bench.world.arrive("warehouse", "PUT", f"/internal/reservations/{order}", late)
    assert (status, said["type"]) == (409, "released")


def test_after_the_pivot_a_step_is_tried_for_ever_and_seen_to_be_stuck() -> None:
    bench = Bench()
    order = bench.place(placed())
    run(bench, "capture")
    [saga] = bench.open()
    for _ in range(400):
        bench.step(saga, lambda: "error")
        bench.now = saga.progress.next_at
    assert (saga.progress.step, saga.progress.direction) == ("capture", "forward")
    assert saga.progress.failures == 400
    assert machine.stuck_at(KINDS["order"], saga.progress) < bench.now
    assert not machine.may_turn(KINDS["order"], saga.progress)
    bench.settle()
    assert bench.state(order) is OrderState.SHIPPED


def test_the_data_hold_together() -> None:
    assert machine.unfitting(list(KINDS.values())) == []
    assert set(KINDS) == {kind.name for kind in KINDS.values()}


def fates(*sequence: Fate):
    left = iter(sequence)
    return lambda: next(left, "well")


def test_a_first_refusal_is_certain_one_after_silence_is_not() -> None:
    bench = Bench()
    order = bench.place(placed(method="tok_declined"))
    run(bench, "authorise")
    [saga] = bench.open()
    bench.step(saga, fates("late"))
    bench.now = saga.progress.next_at
    bench.step(saga)
    assert (saga.progress.step, saga.progress.direction) == ("authorise", "back")
    bench.settle()
    assert bench.cases[order].reason == "insufficient_funds"
    bench.check_settled()
