"""Nobody who relies on a contract is let down; and every way to do that is noticed."""

import json
from pathlib import Path

import pytest
from shop_contracts.released import Contracts, broken, contracts

RELEASED = Path(__file__).parents[1] / "released.json"
BEFORE: Contracts = {"lamps.Lamp": {"id": "uuid", "price": "integer", "title?": "null | string"}}


def test_what_is_released_still_holds() -> None:
    found = broken(json.loads(RELEASED.read_text()), contracts())
    assert not found, "\n".join(found) + "\nAdd instead of changing; shop_contracts/released.py says why."


def test_all_that_there_is_is_told() -> None:
    told = contracts()
    assert len(told) > 100
    assert told["shop_contracts.warehouse.events.StockChanged"] == {
        "available": "integer",
        "product_id": "uuid",
    }
    assert told["shop_contracts.warehouse.events"]["STOCK_CHANGED"] == "'stock.changed'"
    placed = told["shop_contracts.order_taking.events.OrderPlaced"]
    assert placed["lines"] == "[shop_contracts.order_taking.api.OrderLine]"
    assert placed["coupon?"] == "null | string"
    assert not any("anything" in type for type in placed.values())


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, "lamps.Lamp: expected to stay"),
        ({"price": None}, "lamps.Lamp.price: expected to stay"),
        ({"title?": None}, "lamps.Lamp.title: expected to stay"),
        ({"price": "string"}, "lamps.Lamp.price: expected integer, found string"),
        ({"price": "integer | null"}, "lamps.Lamp.price: expected integer, found integer | null"),
        ({"title?": None, "title": "null | string"}, "lamps.Lamp.title: could be missing"),
        ({"colour": "string"}, "lamps.Lamp.colour: is new, and required"),
    ],
)
def test_a_broken_promise_is_noticed(now: dict[str, str | None], said: str) -> None:
    fields = {name: type for name, type in {**BEFORE["lamps.Lamp"], **now}.items() if type}
    [fault] = broken(BEFORE, {"lamps.Lamp": fields} if now else {})
    assert fault.startswith(said)


@pytest.mark.parametrize(
    "now",
    [
        BEFORE,
        {**BEFORE, "shades.Shade": {"id": "uuid"}},
        {"lamps.Lamp": {**BEFORE["lamps.Lamp"], "colour?": "string"}},
        {"lamps.Lamp": {"id": "uuid", "price?": "integer", "title?": "null | string"}},
    ],
    ids=["the same", "another schema", "a field that may be missing", "a field that may be left out now"],
)
def test_what_harms_nobody_is_allowed(now: Contracts) -> None:
    assert broken(BEFORE, now) == []
