"""The bench of the front page: who asks, what it counts, what the table says."""

import os
from pathlib import Path
from typing import Any

import pytest
from shop_bench.services.wire import Answer, Connections
from shop_bench.storefront import report
from shop_bench.storefront.run import cores
from shop_bench.storefront.visitors import asking, parts_of, sending


class Recorder(Connections):
    """Sends nothing; answers with a page."""

    def __init__(self, body: bytes = b"<html>") -> None:
        super().__init__("http://storefront:80")
        self.asked: list[bytes] = []
        self._answer = Answer(200, body)

    async def exchange(self, request: bytes) -> Answer:
        self.asked.append(request)
        return self._answer


async def test_returning_visitors_come_in_turns_and_new_ones_without_a_cookie() -> None:
    connections = Recorder()
    send = sending(asking(["shop=a", "shop=b"]), connections)
    assert [await send() for _ in range(3)] == [""] * 3
    assert [b"Cookie: shop=a" in each for each in connections.asked] == [True, False, True]
    assert b"Accept-Encoding: gzip, deflate, br\r\n" in connections.asked[0]
    await sending(asking([]), connections)()
    assert b"Cookie" not in connections.asked[-1]


async def test_a_page_without_anything_in_it_is_a_failure() -> None:
    assert await sending(asking([]), Recorder(b""))() == "an empty page"


def test_parts_are_summed_by_outcome() -> None:
    text = """# TYPE storefront_parts_total counter
storefront_parts_total{outcome="fresh",part="popular"} 7.0
storefront_parts_total{outcome="missing",part="popular"} 1.0
storefront_parts_total{outcome="fresh",part="categories"} 1e+03
storefront_parts_created{outcome="fresh",part="popular"} 1.7e+09
"""
    assert parts_of(text) == {"fresh": 1007, "stale": 0, "missing": 1}


def test_everybody_else_leaves_the_core_to_storefront() -> None:
    before = os.sched_getaffinity(0)
    with cores() as (own, others):
        assert os.sched_getaffinity(0) == others
        assert own in before
        assert own not in others or len(before) == 1
    assert os.sched_getaffinity(0) == before


def load(visitor: str, p99: float, failed: int = 0) -> dict[str, Any]:
    return {
        "row": "load", "visitor": visitor, "round": 1, "asked_per_second": 50, "answered": 100,
        "failed": failed, "p50_ms": 4.0, "p99_ms": p99, "cpu_us_per_request": 3000.0,
        "parts": {"fresh": 10, "stale": 0, "missing": 2},
    }  # fmt: skip


def test_the_table_says_what_was_reached(tmp_path: Path) -> None:
    rows = [
        load("new", 12.0),
        load("returning", 130.0, failed=1),
        {"row": "first visit", "width": "phone", "bytes": 200 * 1024, "requests": 20, "shift": 0.0},
        {"row": "first visit", "width": "desktop", "bytes": 320 * 1024, "requests": 20, "shift": 0.02},
        {"row": "memory", "proportional_mib": 80.0},
    ]
    measured = {"commit": "c", "python": "3", "cores": 2, "rows": rows}
    table = report.table(measured)
    assert "| new visitors, p99: ms | 12.0 | ≤ 100 | reached |" in table
    assert "| returning visitors, p99: ms | 130.0 | ≤ 100 | **missed** |" in table
    assert "| … failed | 1 | 0 | **missed** |" in table
    assert "| … parts missing | 2 |  |  |" in table
    assert "| first visit, phone: KiB | 200 | ≤ 300 | reached |" in table
    assert "| first visit, desktop: KiB | 320 | ≤ 300 | **missed** |" in table
    assert "| … layout shift | 0.020 | ≤ 0 | **missed** |" in table
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(measured, tmp_path / "storefront.svg")
    assert (tmp_path / "storefront.svg").stat().st_size > 1000
