from pathlib import Path
from typing import get_args

import pytest
from shop_contracts.logistics import api
from shop_logistics.states import (
    ENDED,
    NEXT_HOP,
    NEXT_RETURN_HOP,
    REPORTED,
    RETURN,
    SHIPMENT,
    TOLD,
    Machine,
    drawn,
    leads,
)

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize(("machine", "states"), [(SHIPMENT, api.State), (RETURN, api.ReturnState)])
def test_the_machine_has_the_states_of_the_contract_and_no_others(machine: Machine, states) -> None:
    assert set(machine) == set(get_args(states))
    assert {then for following in machine.values() for then in following} < set(machine)


@pytest.mark.parametrize("machine", [SHIPMENT, RETURN])
def test_every_state_can_be_reached(machine: Machine) -> None:
    first = next(iter(machine))
    reached, waiting = {first}, [first]
    while waiting:
        new = set(machine[waiting.pop()]) - reached
        reached |= new
        waiting += new
    assert reached == set(machine)


def test_every_state_is_told() -> None:
    assert set(TOLD) == set(SHIPMENT)
    assert all(type == f"shipment.{state}" for state, type in TOLD.items())


def test_what_is_cancelled_or_has_left_cannot_be_cancelled() -> None:
    assert [state for state in SHIPMENT if leads(SHIPMENT, state, "cancelled")] == ["allocated"]
    assert SHIPMENT["cancelled"] == ()


def test_the_demo_carrier_only_does_what_may_follow_and_comes_to_an_end() -> None:
    for now, then in NEXT_HOP.items():
        assert leads(SHIPMENT, now, then)
    for now, said in NEXT_RETURN_HOP.items():
        assert leads(RETURN, now, REPORTED[said])
    assert "delivered" in ENDED
    assert not ENDED & set(NEXT_HOP)
    assert "received" not in NEXT_RETURN_HOP


@pytest.mark.parametrize("machine", [SHIPMENT, RETURN])
def test_the_readme_draws_the_machine_as_it_is(machine: Machine) -> None:
    assert drawn(machine) in README.read_text()
