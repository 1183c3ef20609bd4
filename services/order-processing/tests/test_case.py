"""What an order learns, and what is refunded for its pieces."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.logistics.api import Shipment
from shop_contracts.order_processing.api import OrderState, Return, ReturnLine, ReturnRequest
from shop_contracts.payment.api import Payment
from shop_order_processing.case import RETURN_DAYS, Case, NotPossible, place, refund_of, request_return, told

from .bench import START
from .neighbours import CUP, LAMP, money, placed

PAYMENTS = [
    ("action_required", 0, 0),
    ("authorised", 0, 0),
    ("captured", 5390, 0),
    ("partially_refunded", 5390, 1000),
    ("refunded", 5390, 5390),
]
SHIPMENTS = ["allocated", "dispatched", "in_transit", "failed", "delivered"]


def payment(state: str, captured: int, refunded: int) -> Payment:
    return Payment.model_validate(
        {
            "order_id": str(uuid4()),
            "state": state,
            "amount": money(5390),
            "captured": money(captured),
            "refunded": money(refunded),
            "gateway": "test",
        }
    )


def delivered(**how: object) -> Case:
    case = place(placed(**how), START).case  # type: ignore[arg-type]
    return case.into(OrderState.CONFIRMED, START).into(OrderState.DELIVERED, START)


@given(st.permutations(PAYMENTS), st.permutations(SHIPMENTS))
def test_news_in_any_order_come_to_the_same(payments, shipments) -> None:
    case = place(placed(), START).case
    for said in payments:
        case = case.learn(payment(*said), START)
    for state in shipments:
        case = case.learn(Shipment(order_id=case.id, state=state), START)
    assert case.payment is not None
    assert case.shipment is not None
    assert (case.payment.state, case.payment.captured, case.payment.refunded) == (
        "refunded",
        money(5390),
        money(5390),
    )
    assert case.shipment.state == "delivered"
    assert case.state is OrderState.PLACED  # a parcel alone confirms nothing


def test_a_payment_that_was_voided_before_it_was_known_says_nothing() -> None:
    case = place(placed(), START).case
    nothing = {"amount": 0, "currency": "XXX"}
    void = payment("voided", 0, 0).model_dump()
    unknown = Payment.model_validate(void | dict.fromkeys(("amount", "captured", "refunded"), nothing))
    assert case.learn(unknown, START).payment is None


@given(
    st.integers(0, 100_000),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=12),
)
def test_refunds_of_a_line_never_exceed_it_and_come_to_all_of_it(price, quantity, wishes) -> None:
    """Whatever is sent back piece by piece, some of it refused in between."""
    case = delivered(lines={LAMP: quantity}, price=price)
    [line] = case.placed.lines
    for wanted, refused in [*wishes, *[(1, False)] * quantity]:
        wish = ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=wanted)])
        try:
            case = request_return(case, uuid4(), wish, START).case
        except NotPossible:
            continue
        if refused:
            case = case.with_return(case.returns[-1].id, state="refused")
        kept = sum(each.amount.amount for each in _alive(case))
        assert 0 <= kept <= line.total.amount
    assert kept == line.total.amount


def _alive(case: Case) -> list[Return]:
    return [each for each in case.returns if each.state != "refused"]


def test_what_cannot_be_returned_says_why() -> None:
    case = delivered(lines={LAMP: 2})
    wish = ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=1)])
    with pytest.raises(NotPossible, match="more than 30 days ago"):
        request_return(case, uuid4(), wish, START + timedelta(days=RETURN_DAYS, seconds=1))
    with pytest.raises(NotPossible, match="has no product"):
        refund_of(case, CUP, 1)
    with pytest.raises(NotPossible, match="at most 2 can be returned, found 3"):
        refund_of(case, LAMP, 3)
    with pytest.raises(NotPossible, match="the order is placed"):
        request_return(place(placed(), START).case, uuid4(), wish, START)


def test_the_same_return_again_changes_nothing() -> None:
    id, wish = uuid4(), ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=1)])
    once = request_return(delivered(), id, wish, START).case
    again = request_return(once, id, wish, START)
    assert (again.case, again.starts) == (once, ())


def test_what_is_forgotten_names_nobody() -> None:
    case = delivered(method="tok_visa_of_ann")
    gone = case.forgotten().order().model_dump_json() + case.forgotten().model_dump_json()
    for word in ("ann", "Ann", "Lindenallee", "10115", "tok_visa"):
        assert word not in gone
    assert case.forgotten().total == case.total


def test_nothing_is_told_when_nothing_has_changed() -> None:
    case = delivered()
    assert list(told(case, case)) == []
    assert [type for type, _ in told(None, place(placed(), START).case)] == ["order.changed"]
