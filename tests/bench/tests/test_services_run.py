"""The benchmark itself, as short as can be: it measures what it says, and nothing fails meanwhile."""

import os

import pytest
from shop.demo import A_FEW
from shop.local.members import MEMBERS
from shop_bench.services.crowd import Size
from shop_bench.services.report import table
from shop_bench.services.routes import ROUTES
from shop_bench.services.run import Scope, run

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.nats,
    pytest.mark.skipif(not os.environ.get("SHOP_TEST_LONG"), reason="a minute: starts ten services"),
]


def test_every_row_is_measured_and_nothing_fails() -> None:
    crowd = Size(shoppers=4, fillers=4, orders=2, people=2, sessions=8, products=A_FEW)
    scope = Scope(turns=1, slices=1, rounds=1, seconds=0.5, warm=0.1, at_a_time=2, settle=0, crowd=crowd)
    rows = run(scope, tell=lambda line: None)
    services = {member.name for member in MEMBERS}
    assert {row["party"] for row in rows if row["row"] == "reference"} == {"chassis", "bare"}
    asked = {(row["route"], row["load"]) for row in rows if row["row"] == "route"}
    assert asked == {(route.name, load) for route in ROUTES for load in ("open", "saturated")}
    loads = [row for row in rows if row["row"] in ("reference", "route")]
    assert {(row["failed"], *row["errors"]) for row in loads} == {(0,)}
    assert all(row["answered"] for row in loads)
    for when in ("idle", "loaded"):
        found = {row["service"] for row in rows if row["row"] == "memory" and row["when"] == when}
        assert found == services
    assert {row["service"] for row in rows if row["row"] == "imports"} == services
    shown = table({"commit": "0", "cores": 2, "python": "3", "rows": rows})
    assert all(f"| {name} |" in shown for name in services | {route.name for route in ROUTES})
