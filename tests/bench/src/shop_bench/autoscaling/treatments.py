"""The three ways to have the right number of pods, as patches of the ShopService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Name = Literal["metrics", "cpu", "fixed"]
ORDER: tuple[Name, ...] = ("metrics", "cpu", "fixed")
KIND = {"metrics": "External", "cpu": "Resource"}
"""What the HPA of a treatment is asked to look at."""
STABILIZATION_SECONDS = 30
"""Of both autoscalers while they are measured: half of the default, so that a step is over sooner."""


@dataclass(frozen=True)
class Treatment:
    """One of them."""

    name: Name
    value: float
    """Requests per second for each pod; per cent of the CPU request; pods."""

    @property
    def key(self) -> str:
        """`cpu 110`."""
        return f"{self.name} {self.value:g}"


def patch(treatment: Treatment, usual: Json) -> Json:
    """A merge patch of the ShopService. `usual` is its spec.autoscaling: bounds and behaviour are kept, so
    that of the two autoscalers only the metric differs. KEDA's HPA on CPU asks metrics-server, as any."""
    if treatment.name == "fixed":
        return {"spec": {"autoscaling": None, "replicas": int(treatment.value)}}
    kind = {"metrics": "RequestsPerSecond", "cpu": "Cpu"}[treatment.name]
    metric = {"type": kind, "target": format(treatment.value, "g")}
    given = {"metrics": [metric], "scaleDownStabilizationSeconds": STABILIZATION_SECONDS}
    return {"spec": {"autoscaling": {**usual, **given}, "replicas": None}}


def restored(usual: Json) -> Json:
    """A merge patch that undoes any of them."""
    added = {"scaleDownStabilizationSeconds": None} if "scaleDownStabilizationSeconds" not in usual else {}
    return {"spec": {"autoscaling": {**usual, **added}, "replicas": None}}


def in_force(treatment: Treatment, autoscalers: list[Json], deployment: Json, floor: int) -> str:
    """What is still missing until the treatment is in force and the service rests; nothing when it does.

    `floor` is the fewest pods of the autoscalers; HPAs and the Deployment are as the API server has them.
    """
    name = deployment["metadata"]["name"]
    own = [one for one in autoscalers if one["spec"]["scaleTargetRef"]["name"] == name]
    if treatment.name == "fixed":
        floor = int(treatment.value)
        if own:
            return f"HPA {own[0]['metadata']['name']} is still there"
    else:
        if not own:
            return "there is no HPA yet"
        kinds = [metric["type"] for metric in own[0]["spec"].get("metrics", [])]
        conditions = {one["type"]: one["status"] for one in own[0].get("status", {}).get("conditions", [])}
        if kinds != [KIND[treatment.name]]:
            return f"its HPA looks at {', '.join(kinds)}"
        if conditions.get("ScalingActive") != "True":
            return "its HPA has no metric yet"
        if not _aims_at(own[0]["spec"]["metrics"][0], treatment.value):
            return "its HPA has another target"
    status = deployment.get("status", {})
    counts = {
        "wanted": deployment["spec"].get("replicas", 1),
        "there": status.get("replicas", 0),
        "ready": status.get("readyReplicas", 0),
    }
    return "" if set(counts.values()) == {floor} else f"expected {floor} pods, found {counts}"


def _aims_at(metric: Json, value: float) -> bool:
    """Whether an HPA's metric has that target; KEDA writes averages as quantities of thousandths or whole."""
    target = (metric.get("resource") or metric.get("external") or {}).get("target", {})
    if "averageUtilization" in target:
        return bool(target["averageUtilization"] == value)
    text = str(target.get("averageValue", "nan"))
    number = float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)
    return abs(number - value) < 0.001
