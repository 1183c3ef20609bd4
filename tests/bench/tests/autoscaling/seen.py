"""What might have been seen of a cluster, and figures of it."""

from typing import Any

from shop_bench.autoscaling import step
from shop_bench.autoscaling.step import Load
from shop_bench.autoscaling.timeline import Seen
from shop_bench.load.samples import ARRIVAL, Request
from shop_bench.sale import crowd
from shop_bench.sale.crowd import Sale

NAME = "app.kubernetes.io/name"


def pod(at: float, name: str, *, ready: bool = False, kind: str = "MODIFIED") -> Seen:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    body = {"metadata": {"uid": f"uid of {name}", "name": name}, "status": {"conditions": [condition]}}
    return at, {"type": kind, "object": body}


def deployment(at: float, replicas: int, name: str = "catalog") -> Seen:
    body = {"metadata": {"name": name, "labels": {NAME: name}}, "spec": {"replicas": replicas}}
    return at, {"type": "MODIFIED", "object": body}


def rescaled(at: float, size: int, reason: str) -> Seen:
    body = {"reason": "SuccessfulRescale", "message": f"New size: {size}; reason: {reason}"}
    return at, {"type": "ADDED", "object": body}


PODS = [
    pod(100, "a", ready=True, kind="ADDED"),
    pod(210, "b", kind="ADDED"),
    pod(211, "b"),
    pod(214, "b", ready=True),
    pod(215, "b"),  # not ready for a moment: it was the first time that counts
    pod(216, "b", ready=True),
    pod(300, "b", ready=True),
    pod(310, "b", kind="DELETED"),
]


LOAD = Load(base=10, peak=55, hold=60, after=40)


LOADED = {"row": "load", "cpu_limit": "400m", "full": 141.2, "base": 31, "peak": 184}
"""What one pod of so much CPU cannot carry."""


def requests(*wrong: float) -> list[Request]:
    """One each second from 20 s before the step at 200 to the end; those due at these times failed."""
    every = [Request(180 + at, 0.01, "catalog", "GET /products", "glance") for at in range(120)]
    found = [each._replace(error="status 503") if each.due in wrong else each for each in every]
    return [*found, Request(180, 0.002, "", ARRIVAL, "glance")]


def figures(*wrong: float) -> dict[str, Any]:
    wanted = [deployment(100, 1), deployment(212, 2), deployment(300, 1)]
    return step.figures(200, LOAD, wanted, PODS, [rescaled(211.5, 2, "x above target")], requests(*wrong))


AUTOSCALING = {"min": 1, "max": 6, "metrics": [{"type": "RequestsPerSecond", "target": "20"}]}
USUAL = {"autoscaling": AUTOSCALING, "resources": {"limits": {"memory": "256Mi"}}}


SALE = Sale(usual=1, crowd=18, before=30, hold=60, after=60)


def sold(*more: Request, others: int = 1) -> dict[str, Any]:
    seen = [deployment(100, 1, name) for name in ("user", "cart", "catalog")]
    seen += [deployment(212, 3, "catalog"), deployment(220, others, "user")]
    every = [Request(170 + at, 0.02, "user", "POST /guests", "errand") for at in range(90)]
    objectives = {"user": 250.0, "catalog": 250.0}
    services = crowd.figures(200, SALE, seen, [*every, *more], objectives)
    return {"row": "sale", "round": 1, "late_p99_ms": 2.0, "services": services}


class FakePlatform:
    """Enough of one: nothing is asked of it here."""

    name, kubectl = "shop", None

    def url(self, service: str) -> str:
        return f"http://{service}.shop"


def document(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"commit": "0", "cores": 2, "python": "3", "rows": list(rows)}


def measured(name: str, round: int = 1, target: float = 20, **changed: Any) -> dict[str, Any]:
    """A step."""
    decided = {"metrics": 10.0, "cpu": 30.0, "fixed": None}[name]
    return {
        "row": "step", "treatment": name, "target": target, "round": round, "value": 20, **figures(),
        "decision_s": decided, "event_s": decided, "ready_s": None if decided is None else decided + 4,
        "pod_seconds": 200.0, "p99_ms": 100.0, **changed,
    }  # fmt: skip


def line(table: str, beginning: str) -> list[str]:
    """Its cells."""
    [found] = [each for each in table.splitlines() if each.startswith(f"| {beginning}")]
    return [cell.strip() for cell in found.strip("|").split("|")]
