"""The three ways to have the right number of pods, as patches of the ShopService's spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Name = Literal["metrics", "cpu", "fixed"]
AUTOSCALERS: tuple[Name, ...] = ("metrics", "cpu")
ORDER: tuple[Name, ...] = (*AUTOSCALERS, "fixed")
KIND = {"metrics": "External", "cpu": "Resource"}
"""What the HPA of a treatment is asked to look at."""
STABILIZATION_SECONDS = 15
"""Of both autoscalers while they are measured: a fourth of the default, so that pods are removed while
there is load, and a step is over sooner."""
CPU_LIMIT = "400m"
"""Of each pod while it is measured. Else one pod would have what three need of a small machine, and how soon
there are three would make no difference."""

INTERVAL = "2s"
"""Of scrapes, whatever scales: the operator's own choice for what scales by requests. It may take
Prometheus a minute to notice that it is another, and a step may begin before."""


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
    """A merge patch of the ShopService. `usual` is its spec: bounds and behaviour are kept, so that of the
    two autoscalers only the metric differs. KEDA's HPA on CPU asks metrics-server, as any."""
    limits = {**usual.get("resources", {}).get("limits", {}), "cpu": CPU_LIMIT}
    common = {"resources": {"limits": limits}, "monitoring": {"interval": INTERVAL}}
    if treatment.name == "fixed":
        return {"spec": {**common, "autoscaling": None, "replicas": int(treatment.value)}}
    kind = {"metrics": "RequestsPerSecond", "cpu": "Cpu"}[treatment.name]
    metric = {"type": kind, "target": format(treatment.value, "g")}
    given = {"metrics": [metric], "scaleDownStabilizationSeconds": STABILIZATION_SECONDS}
    return {"spec": {**common, "autoscaling": {**usual["autoscaling"], **given}, "replicas": None}}


def restored(usual: Json) -> Json:
    """A merge patch that undoes any of them."""
    autoscaling = {"scaleDownStabilizationSeconds": None, **usual["autoscaling"]}
    limit = usual.get("resources", {}).get("limits", {}).get("cpu")
    common = {
        "resources": {"limits": {"cpu": limit}},
        "monitoring": {"interval": usual.get("monitoring", {}).get("interval")},
    }
    return {"spec": {**common, "autoscaling": autoscaling, "replicas": None}}


def restless(autoscalers: list[Json], deployments: list[Json]) -> list[str]:
    """Which Deployments change, or have more pods than the fewest of their HPA."""
    floors = {one["spec"]["scaleTargetRef"]["name"]: one["spec"].get("minReplicas", 1) for one in autoscalers}
    return [
        one["metadata"]["name"]
        for one in deployments
        if len({*_counts(one).values()}) > 1
        or not _seen(one)
        or one["spec"]["replicas"] > floors.get(one["metadata"]["name"], one["spec"]["replicas"])
    ]


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
    containers = deployment["spec"]["template"]["spec"]["containers"]
    limits = [one.get("resources", {}).get("limits", {}).get("cpu") for one in containers]
    if CPU_LIMIT not in limits or not _seen(deployment):
        return f"its pods are limited to {limits[0] or 'no'} CPU, not yet to {CPU_LIMIT}"
    counts = _counts(deployment)
    return "" if set(counts.values()) == {floor} else f"expected {floor} pods, found {counts}"


def _seen(deployment: Json) -> bool:
    """Whether its status is of what it is now."""
    return bool(
        deployment.get("status", {}).get("observedGeneration") == deployment["metadata"]["generation"]
    )


def _counts(deployment: Json) -> dict[str, int]:
    """Of its pods; all are the same in one that rests."""
    status = deployment.get("status", {})
    return {
        "wanted": deployment["spec"].get("replicas", 1),
        "there": status.get("replicas", 0),
        "of its newest kind": status.get("updatedReplicas", 0),
        "ready": status.get("readyReplicas", 0),
    }


def _aims_at(metric: Json, value: float) -> bool:
    """Whether an HPA's metric has that target; KEDA writes averages as quantities of thousandths or whole."""
    target = (metric.get("resource") or metric.get("external") or {}).get("target", {})
    if "averageUtilization" in target:
        return bool(target["averageUtilization"] == value)
    text = str(target.get("averageValue", "nan"))
    number = float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)
    return abs(number - value) < 0.001
