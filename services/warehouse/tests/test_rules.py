from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.warehouse.api import ILLEGAL_STATE, RELEASED, Allocation, State
from shop_warehouse.refusals import Refused
from shop_warehouse.rules import HOLDING, NEXT, Action, after, homes, to_order

LAMP, MUG = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("action", get_args(Action))
@pytest.mark.parametrize("state", get_args(State))
def test_what_is_done_is_not_undone_by_repeating_it(action: Action, state: State) -> None:
    if state not in NEXT[action]:
        with pytest.raises(Refused) as refused:
            after(action, state)
        assert refused.value.type == (RELEASED if state == "released" else ILLEGAL_STATE)
        assert refused.value.members == {"state": state}
        return
    following = after(action, state)
    if action != "lapse":
        assert after(action, following) == following


def test_nothing_comes_after_shipped_and_released() -> None:
    assert {NEXT[action].get("shipped", "shipped") for action in NEXT} == {"shipped"}
    assert {NEXT[action].get("released", "released") for action in NEXT} == {"released"}
    assert {"held", "committed"} == HOLDING


@pytest.mark.parametrize(
    ("left", "ordered"), [(6, 0), (5, 0), (4, 10), (0, 10), (-4, 10), (-5, 10), (-6, 20), (-100, 110)]
)
def test_as_much_is_ordered_as_brings_it_back_to_the_reorder_point(left: int, ordered: int) -> None:
    assert to_order(left, 5, 10) == ordered


@given(st.integers(-1000, 1000), st.integers(0, 500), st.integers(1, 99))
def test_an_order_is_the_smallest_multiple_that_is_enough(left: int, point: int, quantity: int) -> None:
    ordered = to_order(left, point, quantity)
    assert ordered % quantity == 0
    assert left + ordered >= point
    assert ordered == 0 or left + ordered - quantity < point


def test_goods_go_back_to_where_most_of_them_came_from() -> None:
    shipped = [
        Allocation(product_id=LAMP, warehouse="ulm", quantity=1),
        Allocation(product_id=LAMP, warehouse="lyon", quantity=2),
        Allocation(product_id=MUG, warehouse="ulm", quantity=1),
        Allocation(product_id=MUG, warehouse="lyon", quantity=1),
    ]
    assert homes(shipped) == {LAMP: "lyon", MUG: "lyon"}
