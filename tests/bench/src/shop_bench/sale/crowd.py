"""One sale: everybody wants one product, which is work for catalog and cart; the others are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from shop_platform.kubectl import Json, Kubectl
from shop_platform.platform import SERVES, SHOP

from shop_bench.autoscaling import timeline
from shop_bench.autoscaling.cluster import SHOPSERVICE, Watch
from shop_bench.autoscaling.step import generate
from shop_bench.autoscaling.timeline import Seen
from shop_bench.figures import Row
from shop_bench.load import samples
from shop_bench.load.profiles import Shape
from shop_bench.load.samples import ARRIVAL, Request

ON_SALE = ("catalog", "cart")
NAME = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Sale:
    """How much of one: people per second, seconds."""

    usual: float
    """Who asks the others, all along."""
    crowd: float
    """Who wants the bargain, at first."""
    before: float
    hold: float
    after: float

    @property
    def shape(self) -> Shape:
        """As the profile `sale` takes it."""
        return Shape(self.usual, self.crowd, self.before, self.hold, self.after, {"errand": 1})


def run(kubectl: Kubectl, services: Mapping[str, str], sale: Sale, seed: str) -> Row:
    """Every autoscaler as it is written. Raises Failure."""
    with ExitStack() as stack:
        path, labels = f"/apis/apps/v1/namespaces/{SHOP}/deployments", SERVES
        watch = stack.enter_context(Watch(kubectl, path, labelSelector=labels))
        begun, requests = generate("sale", services, sale.shape, seed)
        seen = watch.seen
    objectives = thresholds(kubectl.items(SHOPSERVICE, f"--namespace={SHOP}"))
    late = samples.figures((each for each in requests if each.route == ARRIVAL), sale.shape.seconds)
    return {
        "row": "sale",
        "late_p99_ms": _milliseconds(late.p99),
        "services": figures(begun + sale.before, sale, seen, requests, objectives),
    }


def thresholds(services: Sequence[Json]) -> dict[str, float]:
    """The latency in milliseconds that each ShopService has as its objective."""
    found = {}
    for one in services:
        latency = one["spec"].get("slo", {}).get("latency")
        if latency:
            found[one["metadata"]["name"]] = milliseconds(latency["threshold"])
    return found


def milliseconds(text: str) -> float:
    """`250ms` or `1.5s`; raises ValueError for another unit."""
    if text.endswith("ms"):
        return float(text[:-2])
    if text.endswith("s"):
        return 1000 * float(text[:-1])
    raise ValueError(f"expected a duration such as 250ms or 1s, found {text!r}")


def figures(
    began: float,
    sale: Sale,
    seen: Sequence[Seen],
    requests: Sequence[Request],
    objectives: Mapping[str, float],
) -> list[Row]:
    """Of each service, those on sale first: pods and latencies before the crowd came, and meanwhile."""
    by_service: dict[str, list[Seen]] = {}
    for at, event in seen:
        by_service.setdefault(event["object"]["metadata"]["labels"][NAME], []).append((at, event))
    rows = []
    for name in sorted(by_service, key=lambda name: (name not in ON_SALE, name)):
        replicas = timeline.wanted(by_service[name])
        own = [each for each in requests if each.service == name]
        before = samples.figures(samples.due_in(own, began - sale.before, began), sale.before)
        during = samples.figures(samples.due_in(own, began, began + sale.hold), sale.hold)
        decided = timeline.decision(replicas, began)
        rows.append(
            {
                "service": name,
                "on_sale": name in ON_SALE,
                "pods_before": timeline.at(replicas, began),
                "most_pods": timeline.most(replicas, began, began + sale.hold + sale.after),
                "decision_s": None if decided is None else round(decided, 2),
                "requests": during.count,
                "failed": before.failed + during.failed,
                "p50_before_ms": _milliseconds(before.p50),
                "p99_before_ms": _milliseconds(before.p99),
                "p50_ms": _milliseconds(during.p50),
                "p99_ms": _milliseconds(during.p99),
                "objective_ms": objectives.get(name),
                "replicas": timeline.relative(replicas, began - sale.before, began + sale.hold + sale.after),
            }
        )
    return rows


def _milliseconds(seconds: float) -> float | None:
    return round(seconds * 1000, 1) if seconds == seconds else None
