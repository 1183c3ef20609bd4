"""Sales, one after the other, with the shop at rest before each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shop_platform.platform import Platform

from shop_bench.autoscaling.cluster import Cluster
from shop_bench.autoscaling.ledger import Ledger
from shop_bench.figures import Row, commit
from shop_bench.load.command import cluster as existing
from shop_bench.load.command import on_cluster
from shop_bench.sale import crowd
from shop_bench.sale.crowd import ON_SALE, Sale

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    rounds: int
    sale: Sale


FULL = Scope(5, Sale(usual=2, crowd=18, before=60, hold=150, after=90))
QUICK = Scope(1, Sale(usual=2, crowd=18, before=30, hold=60, after=30))


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench sale` calls. A run of the same commit that was stopped goes on. Raises Failure."""
    platform, scope, seed = existing(), QUICK if quick else FULL, commit()
    ledger = Ledger.of("sale-quick" if quick else "sale", platform.name, seed)
    rows = []
    for number in range(1, scope.rounds + 1):
        once = partial(_sale, platform, scope.sale, f"{seed} {number}")
        rows.append({**ledger.once(f"sale {number}", once), "round": number})
        tell(f"sale {number}: {_told(rows[-1])}")
    ledger.forget()
    return rows


def _sale(platform: Platform, sale: Sale, seed: str) -> Row:
    Cluster(platform.kubectl, ON_SALE[0]).rest()
    return crowd.run(platform.kubectl, on_cluster(platform), sale, seed)


def _told(row: Row) -> str:
    scaled = [each for each in row["services"] if each["most_pods"] != each["pods_before"]]
    asked = [each for each in row["services"] if not each["on_sale"] and each["p99_ms"] is not None]
    pods = ", ".join(f"{each['service']} {each['pods_before']} → {each['most_pods']}" for each in scaled)
    latencies = ", ".join(f"{each['service']} {each['p99_ms']:.0f} ms" for each in asked)
    failed = sum(each["failed"] for each in row["services"])
    return f"{pods or 'nobody scaled'}; p99 of {latencies}; {failed} failed"
