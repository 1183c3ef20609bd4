"""The benchmark itself, with three services: that it measures what it says."""

import pytest
from shop_bench.operator.report import table
from shop_bench.operator.run import Scope, run

pytestmark = pytest.mark.apiserver


async def test_operator_and_bare_client_do_the_same_and_every_row_is_measured() -> None:
    scope = Scope(sizes={3: 1}, repairs=1, restarts=1, crowded=3)
    rows = await run(scope, tell=lambda line: None)
    made = {row["party"]: row["calls"] for row in rows if row["row"] == "create"}
    assert made["shop-operator"] == made["bare"]
    assert made["bare"]["patch status"] == 3
    repaired = [row for row in rows if row["row"].startswith("repair") and row["kind"] == "all"]
    assert [(row["count"], row["missing"]) for row in repaired] == [(18, 0), (18, 0)]
    (still,) = [row for row in rows if row["row"] == "nothing to do"]
    assert (still["reconciles"], still["reads"], still["writes"]) == (3, 0, 0)
    (again,) = [row for row in rows if row["row"] == "restart"]
    assert (again["writes"], again["listed_twice"]) == (0, [])
    assert "| all new at once, operator: services/s | 3 |" in table(
        {"commit": "0", "cores": 2, "python": "3", "rows": rows}
    )
