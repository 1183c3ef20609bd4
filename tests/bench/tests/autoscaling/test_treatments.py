"""What differs between the autoscalers, and when one of them is in force."""

from typing import Any

import pytest
from shop_bench.autoscaling.treatments import Treatment, in_force, patch, restored

from .seen import USUAL


def hpa(kind: str, target: dict[str, Any], active: str = "True") -> dict[str, Any]:
    metric = {"type": kind, kind.lower(): {"target": target}}
    return {
        "metadata": {"name": "keda-hpa-catalog"},
        "spec": {"scaleTargetRef": {"name": "catalog"}, "metrics": [metric]},
        "status": {"conditions": [{"type": "ScalingActive", "status": active}]},
    }


def rests(wanted: int, there: int, ready: int) -> dict[str, Any]:
    status = {"replicas": there, "readyReplicas": ready}
    return {"metadata": {"name": "catalog"}, "spec": {"replicas": wanted}, "status": status}


METRICS, CPU, FIXED = Treatment("metrics", 20), Treatment("cpu", 110), Treatment("fixed", 3)


def test_only_the_metric_differs_between_the_autoscalers() -> None:
    own, cpu = (patch(each, USUAL)["spec"]["autoscaling"] for each in (METRICS, CPU))
    assert own.pop("metrics") == [{"type": "RequestsPerSecond", "target": "20"}]
    assert cpu.pop("metrics") == [{"type": "Cpu", "target": "110"}]
    assert own == cpu == {"min": 1, "max": 6, "scaleDownStabilizationSeconds": 30}


def test_patches_take_each_other_back() -> None:
    assert patch(FIXED, USUAL) == {"spec": {"autoscaling": None, "replicas": 3}}
    assert patch(CPU, USUAL)["spec"]["replicas"] is None
    back = {**USUAL, "scaleDownStabilizationSeconds": None}
    assert restored(USUAL) == {"spec": {"autoscaling": back, "replicas": None}}
    written = {**USUAL, "scaleDownStabilizationSeconds": 60}
    assert restored(written)["spec"]["autoscaling"] == written


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
