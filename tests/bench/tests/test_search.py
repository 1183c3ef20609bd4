"""The bench of search: its products and queries, its figures, and a short run of it."""

import random
from pathlib import Path

import pytest
from shop_bench.search import report
from shop_bench.search.goods import categories, misspelt, products, queries
from shop_bench.search.run import Scope, rank_of, run
from shop_search.text import distance


def test_products_are_the_same_for_the_same_seed() -> None:
    goods = list(products(300))
    assert goods[:100] == list(products(100))
    assert goods[:100] != list(products(100, seed=2))
    assert len({each.id for each in goods}) == len({each.sku for each in goods}) == 300
    assert {each.category for each in goods} <= {each.slug for each in categories()}


def test_a_query_means_one_product() -> None:
    goods = list(products(500))
    asked = queries(goods, 60)
    assert [query.typo for query in asked[:4]] == [False, True, False, True]
    for query in asked:
        words = set(query.text.split())
        having = [each.id for each in goods if words <= set(each.title.lower().split())]
        assert having == ([] if query.typo and query.product not in having else [query.product])
        assert 3 <= len(words) <= 5


def test_a_typo_is_one() -> None:
    rng = random.Random(1)
    assert all(distance("kitchen", misspelt("kitchen", rng)) == 1 for _ in range(200))


def test_figures() -> None:
    assert rank_of("b", ["a", "b"]) == 2
    assert rank_of("c", ["a", "b"]) is None
    assert report.mrr([1, 2, None, 4]) == pytest.approx(0.4375)
    assert report.percentile([4, 1, 3, 2], 50) == 2
    assert report.percentile(list(range(1, 101)), 99) == 99


def test_the_table_says_what_was_reached() -> None:
    asked = {
        "row": "queries",
        "round": 1,
        "typos": [False, True],
        "seconds": [0.001, 0.03],
        "cpu_seconds": [0.001, 0.01],
    }
    rows = [
        {"row": "load", "engine": "search", "seconds": 3, "memory": 5e6, "disk": 0},
        {**asked, "engine": "search", "ranks": [1, 1]},
        {"row": "pod", "products": 2, "ready_seconds": 4, "memory_ready": 1e6, "memory_after_queries": 2e6,
         "memory_after_changes": 3e6, "query_seconds": [0.1], "price_seconds": [0.3, 0.4]},
    ]  # fmt: skip
    table = report.table({"commit": "c", "python": "3", "rows": rows})
    assert "| p99 of a query: ms | 30.0 | ≤ 20 | **missed** |" in table
    assert "| … of its CPU time: ms | 10.0 | ≤ 20 | reached |" in table
    assert "| MRR@10 | 1.000 | ≥ 0.9 | reached |" in table
    assert "| a price change shows, p99: s | 0.40 | ≤ 2 | reached |" in table


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.nats
def test_a_short_run(tmp_path: Path) -> None:
    rows = run(Scope(products=200, queries=20, rounds=1, changes=2), lambda _line: None)
    for name in ("search", "SQLite FTS5 trigrams", "PostgreSQL full text, then words by pg_trgm"):
        [asked] = [row for row in rows if row["row"] == "queries" and row["engine"] == name]
        assert report.mrr(asked["ranks"]) > 0.8
    measured = {"commit": "c", "python": "3", "rows": rows}
    assert "PostgreSQL full text, then titles by pg_trgm" in report.table(measured)
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(measured, tmp_path / "search.svg")
    assert (tmp_path / "search.svg").stat().st_size > 1000
