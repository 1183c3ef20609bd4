"""What differs between the autoscalers, and when one of them is in force."""

from typing import Any

import pytest
from shop_bench.autoscaling.treatments import (
    CPU_LIMIT,
    INTERVAL,
    Treatment,
    in_force,
    patch,
    restless,
    restored,
)

from .seen import AUTOSCALING, USUAL


def hpa(kind: str, target: dict[str, Any], active: str = "True") -> dict[str, Any]:
    metric = {"type": kind, kind.lower(): {"target": target}}
    return {
        "metadata": {"name": "keda-hpa-catalog"},
        "spec": {"scaleTargetRef": {"name": "catalog"}, "metrics": [metric]},
        "status": {"conditions": [{"type": "ScalingActive", "status": active}]},
    }


def rests(wanted: int, there: int, ready: int, *, limit: str = CPU_LIMIT, seen: int = 3) -> dict[str, Any]:
    status = {"replicas": there, "readyReplicas": ready, "updatedReplicas": there, "observedGeneration": seen}
    pod = {"spec": {"containers": [{"resources": {"limits": {"cpu": limit}}}]}}
    spec = {"replicas": wanted, "template": pod}
    return {"metadata": {"name": "catalog", "generation": 3}, "spec": spec, "status": status}


METRICS, CPU, FIXED = Treatment("metrics", 20), Treatment("cpu", 110), Treatment("fixed", 3)


def test_only_the_metric_differs_between_the_autoscalers() -> None:
    own, cpu = (patch(each, USUAL)["spec"]["autoscaling"] for each in (METRICS, CPU))
    assert own.pop("metrics") == [{"type": "RequestsPerSecond", "target": "20"}]
    assert cpu.pop("metrics") == [{"type": "Cpu", "target": "110"}]
    assert own == cpu == {"min": 1, "max": 6, "scaleDownStabilizationSeconds": 15}
    assert len({str(patch(each, USUAL)["spec"]["monitoring"]) for each in (METRICS, CPU, FIXED)}) == 1


def test_patches_take_each_other_back() -> None:
    limited = {"limits": {"memory": "256Mi", "cpu": CPU_LIMIT}}
    often = {"interval": INTERVAL}
    fixed = {"autoscaling": None, "replicas": 3, "resources": limited, "monitoring": often}
    assert patch(FIXED, USUAL) == {"spec": fixed}
    assert patch(CPU, USUAL)["spec"]["replicas"] is None
    back = {**AUTOSCALING, "scaleDownStabilizationSeconds": None}
    without = {"limits": {"cpu": None}}
    as_ever = {"replicas": None, "monitoring": {"interval": None}}
    assert restored(USUAL) == {"spec": {**as_ever, "autoscaling": back, "resources": without}}
    written = {**AUTOSCALING, "scaleDownStabilizationSeconds": 60}
    again = restored({"autoscaling": written, "resources": {"limits": {"cpu": "2"}}})
    assert again["spec"] == {**as_ever, "autoscaling": written, "resources": {"limits": {"cpu": "2"}}}


@pytest.mark.parametrize(
    ("treatment", "autoscalers", "found", "missing"),
    [
        (METRICS, [hpa("External", {"averageValue": "20"})], rests(1, 1, 1), ""),
        (METRICS, [hpa("External", {"averageValue": "20000m"})], rests(1, 1, 1), ""),
        (METRICS, [hpa("External", {"averageValue": "14"})], rests(1, 1, 1), "another target"),
        (METRICS, [hpa("Resource", {"averageUtilization": 20})], rests(1, 1, 1), "looks at Resource"),
        (METRICS, [hpa("External", {"averageValue": "20"}, "False")], rests(1, 1, 1), "no metric"),
        (METRICS, [], rests(1, 1, 1), "no HPA"),
        (CPU, [hpa("Resource", {"averageUtilization": 110})], rests(1, 1, 1), ""),
        (CPU, [hpa("Resource", {"averageUtilization": 110})], rests(1, 2, 2), "expected 1 pods"),
        (CPU, [hpa("Resource", {"averageUtilization": 110})], rests(1, 1, 0), "expected 1 pods"),
        (METRICS, [hpa("External", {"averageValue": "20"})], rests(1, 1, 1, limit="1"), "limited to 1 CPU"),
        (METRICS, [hpa("External", {"averageValue": "20"})], rests(1, 1, 1, seen=2), "not yet"),
        (FIXED, [], rests(3, 3, 3), ""),
        (FIXED, [], rests(3, 3, 2), "expected 3 pods"),
        (FIXED, [hpa("External", {"averageValue": "20"})], rests(3, 3, 3), "still there"),
    ],
)
def test_a_treatment_is_in_force_when_its_hpa_sees_its_metric_and_the_service_rests(
    treatment: Treatment, autoscalers: list[Any], found: Any, missing: str
) -> None:
    told = in_force(treatment, autoscalers, found, 1)
    assert missing in told
    assert bool(told) == bool(missing)


@pytest.mark.parametrize(
    ("deployment", "named"),
    [
        (rests(1, 1, 1), []),
        (rests(2, 2, 2), ["catalog"]),
        (rests(1, 2, 1), ["catalog"]),
        (rests(1, 1, 0), ["catalog"]),
        (rests(1, 1, 1, seen=2), ["catalog"]),
    ],
)
def test_who_rests_has_its_fewest_pods_and_all_are_ready(deployment: Any, named: list[str]) -> None:
    own = hpa("External", {"averageValue": "20"})
    own["spec"]["minReplicas"] = 1
    assert restless([own], [deployment]) == named


def test_who_has_no_autoscaler_rests_at_any_number() -> None:
    assert restless([], [rests(3, 3, 3), rests(0, 0, 0)]) == []
