"""From what was seen of a cluster to figures: nothing that failed, or never came, is hidden. No cluster."""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_bench.autoscaling import calibration, comparison, report, sale, settings, step, timeline
from shop_bench.autoscaling.cluster import Cluster, Watch
from shop_bench.autoscaling.ledger import Ledger
from shop_bench.autoscaling.run import FULL, PERIOD_SECONDS, QUICK, Experiment, turns
from shop_bench.autoscaling.sale import Sale
from shop_bench.autoscaling.step import Load
from shop_bench.autoscaling.timeline import Pod, Seen
from shop_bench.autoscaling.treatments import ORDER, Treatment, in_force, patch, restored
from shop_bench.load.samples import ARRIVAL, FAILED, Request
from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure

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


# What was seen


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


def test_a_pod_costs_from_when_it_is_made_until_it_is_gone_and_serves_from_when_it_is_ready() -> None:
    lives = timeline.pods(PODS)
    assert lives == [Pod("a", 100, 100), Pod("b", 210, 214, 310)]
    assert timeline.existing(lives) == [(100, 1), (210, 2), (310, 1)]
    assert timeline.serving(lives) == [(100, 1), (214, 2), (310, 1)]


def test_pod_seconds_are_the_area_below_the_pods_that_there_were() -> None:
    steps = timeline.existing(timeline.pods(PODS))
    assert timeline.area(steps, 200, 320) == 10 + 2 * 100 + 10
    assert timeline.area(steps, 90, 110) == 10, "what was not seen yet costs nothing"
    assert timeline.area(steps, 250, 260) == 20


Numbers = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 9)), max_size=8).map(sorted)


@hypothesis.settings(deadline=None)
@given(Numbers, st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_areas_add_up(steps: Any, times: list[float]) -> None:
    begin, middle, end = sorted(times)
    whole = timeline.area(steps, begin, end)
    parts = timeline.area(steps, begin, middle) + timeline.area(steps, middle, end)
    assert whole == pytest.approx(parts, abs=1e-6)


def test_the_first_pod_that_counts_was_made_after_the_step() -> None:
    late = [*PODS, pod(204, "c", kind="ADDED"), pod(230, "c", ready=True)]
    assert timeline.first_ready(timeline.pods(late), 200) == 14
    assert timeline.first_ready(timeline.pods(late), 207) == 7
    assert timeline.first_ready(timeline.pods(late), 250) is None


def test_a_decision_is_the_first_time_that_more_pods_are_wanted() -> None:
    steps = timeline.wanted(
        [deployment(*each) for each in [(100, 1), (205, 1), (212, 3), (220, 2), (230, 4)]]
    )
    assert steps == [(100, 1), (212, 3), (220, 2), (230, 4)]
    assert timeline.decision(steps, 200) == 12
    assert timeline.decision(steps, 215) == 15, "fewer is no answer to a step"
    assert timeline.decision(steps, 240) is None
    assert timeline.most(steps, 200, 225) == 3


def test_the_hpas_event_is_that_of_adding_pods() -> None:
    told = [
        rescaled(150, 3, "external metric above target"),
        rescaled(205, 1, "All metrics below target"),
        rescaled(212, 3, "external metric s0-prometheus above target"),
    ]
    found = timeline.rescale_event(told, 200)
    assert found == (12, "New size: 3; reason: external metric s0-prometheus above target")
    assert timeline.rescale_event(told, 213) is None


def test_a_series_has_a_number_for_each_time() -> None:
    assert timeline.sampled([(100, 1), (112, 3)], 95, 120, 5) == [0, 1, 1, 1, 3, 3]
    assert timeline.relative([(100, 1), (112, 3)], 105, 120) == [[0.0, 1], [7.0, 3]]


# One step


LOAD = Load(base=10, peak=55, settle=20, hold=60, after=40)


def requests(*wrong: float) -> list[Request]:
    """One each second from 20 s before the step at 200 to the end; those due at these times failed."""
    every = [Request(180 + at, 0.01, "catalog", "GET /products", "glance") for at in range(120)]
    found = [each._replace(error="status 503") if each.due in wrong else each for each in every]
    return [*found, Request(180, 0.002, "", ARRIVAL, "glance")]


def figures(*wrong: float) -> dict[str, Any]:
    wanted = [deployment(100, 1), deployment(212, 2), deployment(300, 1)]
    return step.figures(200, LOAD, wanted, PODS, [rescaled(211.5, 2, "x above target")], requests(*wrong))


def test_a_step_in_figures() -> None:
    found = figures()
    assert (found["decision_s"], found["event_s"], found["ready_s"]) == (12, 11.5, 14)
    assert (found["plateau"], found["most"], found["pod_seconds"]) == (2, 2, 100 + 90)
    assert (found["requests"], found["failed"], found["per_second"], found["p99_ms"]) == (120, 0, 1.0, 10.0)
    assert found["late_p99_ms"] == 2.0
    assert found["replicas"] == [[0.0, 1], [32.0, 2]], "to the end of the load alone"
    assert len(found["serving"]) == 25
    assert found["p99_over_time_ms"] == [10.0] * 24


@pytest.mark.parametrize("due", [185, 205, 285])
def test_a_failure_counts_whenever_it_was(due: float) -> None:
    found = figures(due)
    assert (found["failed"], found["errors"]) == (1, ["status 503"])


def test_what_was_not_answered_has_no_percentile() -> None:
    assert step.over_time([Request(181, 1.0, "catalog", "x", "glance", "status 500")], 180, 190) == [
        None,
        None,
    ]


def test_a_step_comes_later_by_its_phase_and_is_otherwise_the_same() -> None:
    early, late = LOAD.shape(0), LOAD.shape(7.5)
    assert late == replace(early, before=27.5)
    assert [early.base * 3, early.peak * 3] == pytest.approx([10, 55])
    assert early.mix == {"glance": 1}


# Treatments


USUAL = {"min": 1, "max": 6, "metrics": [{"type": "RequestsPerSecond", "target": "20"}]}


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


# Calibration


@pytest.mark.parametrize(("rate", "target", "pods"), [(55, 20, 3), (60, 20, 3), (60.1, 20, 4), (0, 20, 1)])
def test_as_many_pods_as_the_hpa_would_run(rate: float, target: float, pods: int) -> None:
    assert calibration.pods_for(rate, target) == pods


def test_the_first_guess_leaves_as_much_room_as_the_other_metric() -> None:
    # 55 of 60 requests per second that three pods may have: CPU may have as much more.
    assert calibration.first_guess(110, 3, 55, 20) == 120


@hypothesis.settings(deadline=None)
@given(st.floats(300, 2000), st.integers(1, 5), st.floats(0.6, 1.7))
def test_from_a_fair_guess_a_target_is_found_that_gives_as_many_pods(
    total: float, wanted: int, off: float
) -> None:
    # As an HPA has it: all pods together use so much, whatever their number.
    def plateau(target: int) -> int:
        return max(1, math.ceil(total / target))

    found, tried = calibration.search(plateau, round(off * total / wanted), wanted)
    assert plateau(found) == wanted == tried[-1][1]


def test_a_guess_that_is_right_is_tried_once() -> None:
    assert calibration.search(lambda _: 3, 110, 3) == (110, [(110, 3)])


def test_a_target_between_two_that_were_tried_is_found() -> None:
    found, tried = calibration.search(lambda cpu: 4 if cpu < 130 else 2 if cpu > 140 else 3, 105, 3)
    assert (found, tried) == (136, [(105, 4), (147, 2), (126, 4), (136, 3)])


def test_that_there_is_no_such_target_is_said_with_what_was_tried() -> None:
    with pytest.raises(calibration.NotFound, match="gives 3 pods at the plateau, found 110 %: 6"):
        calibration.search(lambda _: 6, 110, 3)


# Comparison


def test_an_interval_has_the_median_in_it_and_is_the_same_again() -> None:
    values = [10.0, 12, 15, 11, 30, 14, 13, 12, 16, 9, 11, 12]
    low, high = comparison.interval(values)
    assert 9 <= low <= 12 <= high <= 30
    assert (low, high) == comparison.interval(values)
    assert comparison.interval([7.0, 7.0]) == (7.0, 7.0)
    with pytest.raises(ValueError, match="found none"):
        comparison.interval([])


def test_rounds_are_compared_with_themselves() -> None:
    assert comparison.paired({1: 10, 2: 20, 3: 5}, {2: 50, 1: 25, 4: 1}) == [15, 30]


@pytest.mark.parametrize(("share", "found"), [(0.5, 6), (0.9, 11), (1.0, 12)])
def test_a_quantile_is_a_value_that_occurred(share: float, found: float) -> None:
    assert comparison.quantile(range(12, 0, -1), share) == found


CURVE = [(100.0, 400.0), (200.0, 200.0), (300.0, 100.0)]


@pytest.mark.parametrize(
    ("cost", "latency"), [(50, 400), (100, 400), (150, 300), (250, 150), (300, 100), (400, 100)]
)
def test_a_curve_is_straight_between_its_points(cost: float, latency: float) -> None:
    assert comparison.latency_at(CURVE, cost) == latency


def test_a_curve_is_no_worse_than_another_when_it_is_nowhere_above_it() -> None:
    assert comparison.excess([(250, 75), (150, 300)], CURVE) == [1.0, 0.5]
    assert max(comparison.excess([(150, 330)], CURVE)) == pytest.approx(1.1)
    assert comparison.excess(CURVE, CURVE) == [1.0, 1.0, 1.0]


# The plan


def test_treatments_alternate_and_each_is_first_as_often_as_the_others() -> None:
    plan = list(turns(FULL, "seed"))
    middle = [turn for turn in plan if turn.target == FULL.middle]
    assert FULL.middle == 20
    assert all(first.name != second.name for first, second in pairwise(plan) if first.round == second.round)
    by_round = [[turn.name for turn in middle if turn.round == number] for number in range(1, 13)]
    assert all(sorted(names) == sorted(ORDER) for names in by_round)
    assert sorted(names[0] for names in by_round) == sorted(ORDER * 4)
    assert len({turn.key for turn in plan}) == len(plan) == 36 + 2 * 4 * 2


def test_phases_are_random_and_the_same_for_one_seed() -> None:
    phases = [turn.phase for turn in turns(FULL, "seed")]
    assert all(0 <= phase <= PERIOD_SECONDS for phase in phases)
    assert min(phases) < 3
    assert max(phases) > 12
    assert phases == [turn.phase for turn in turns(FULL, "seed")]
    assert phases != [turn.phase for turn in turns(FULL, "another")]


def test_a_quick_run_has_each_treatment_once() -> None:
    assert [turn.name for turn in turns(QUICK, "seed")] == list(ORDER)


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    file, made = tmp_path / "ledger.jsonl", []

    def measure() -> dict[str, Any]:
        made.append(1)
        return {"row": "step", "round": len(made)}

    ledger = Ledger(file)
    assert ledger.once("a", measure) == ledger.once("a", measure) == {"row": "step", "round": 1}
    with file.open("a") as torn:
        torn.write('["b", {"row": "st')
    again = Ledger(file)
    assert "a" in again
    assert "b" not in again
    assert again.once("a", measure)["round"] == 1
    assert again.once("b", measure)["round"] == 2
    assert Ledger(file).once("b", measure)["round"] == 2
    again.forget()
    assert Ledger(file).once("a", measure)["round"] == 3


# Settings


def test_flags_of_the_hpa_controller_are_read_from_its_command_line() -> None:
    words = [
        "/usr/bin/kube-controller-manager",
        "--leader-elect=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]
    assert settings.hpa_flags(words) == {"sync-period": "5s"}


def test_a_metrics_server_that_says_nothing_looks_every_minute() -> None:
    assert settings.resolution(["--cert-dir=/tmp"]) == "1m0s"
    assert settings.resolution(["--metric-resolution=10s", "--metric-resolution=15s"]) == "15s"


@pytest.mark.parametrize(
    ("hpa", "resolution", "stock"),
    [({}, "15s", True), ({"sync-period": "5s"}, "15s", False), ({}, "10s", False)],
)
def test_what_differs_from_what_is_shipped_is_said(hpa: dict[str, str], resolution: str, stock: bool) -> None:
    row = {"row": "settings", "hpa": {**settings.DEFAULTS, **hpa}, "resolution": resolution,
           "kubernetes": "v1.33.0", "given": sorted(hpa)}  # fmt: skip
    assert settings.stock(row) is stock
    assert ("Not as shipped" in report.table(document(row))) is not stock


# The cluster


def kubectl(folder: Path, script: str) -> Kubectl:
    """A program that does this in place of kubectl."""
    file = folder / "kubectl"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Kubectl(file, "kind-shop")


def until_it_ends(watch: Watch) -> None:
    with watch:
        while watch.runs:
            time.sleep(0.01)


def test_a_watch_notes_when_each_event_came(tmp_path: Path) -> None:
    event = json.dumps(deployment(0, 3)[1])
    began = time.time()
    with Watch(
        kubectl(tmp_path, f"echo '{event}'; exec sleep 60"), "/apis/apps/v1", fieldSelector="a=b"
    ) as watch:
        while not watch.seen:
            time.sleep(0.01)
    [(at, seen)] = watch.seen
    assert began <= at <= time.time()
    assert timeline.wanted([(at, seen)]) == [(at, 3)]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo gone >&2; exit 1", "gone"),
        ("""echo '{"type": "ERROR", "object": {"code": 410}}'; exec sleep 60""", "410"),
    ],
)
def test_a_watch_that_missed_something_is_a_failure(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(Failure, match="ended early") as failure:
        until_it_ends(Watch(kubectl(tmp_path, script), "/api"))
    assert why in failure.value.detail


def test_utilisation_is_what_an_hpa_would_see(tmp_path: Path) -> None:
    pods = {"items": [{"spec": {"containers": [{"resources": {"requests": {"cpu": "50m"}}}]}}] * 2}
    usage = {"items": [{"containers": [{"usage": {"cpu": cpu}}]} for cpu in ("60m", "50000000n")]}
    for name, body in (("pods", pods), ("usage", usage), ("late", {"items": usage["items"][:1]})):
        (tmp_path / name).write_text(json.dumps(body))
    script = 'case "$*" in *--raw*) cat {0}/{1};; *) cat {0}/pods;; esac'
    assert Cluster(
        kubectl(tmp_path, script.format(tmp_path, "usage")), "catalog"
    ).utilisation() == pytest.approx(110)
    # A pod of which nothing is known yet would make the others look busier, or idler, than they are.
    assert Cluster(kubectl(tmp_path, script.format(tmp_path, "late")), "catalog").utilisation() is None


GENERATOR = """
import sys
file = sys.argv[sys.argv.index("--samples") + 1]
open(file, "w").write('[201.0,0.1,"catalog","GET /products","glance","status 503"]\\n')
print("begun 200.000", flush=True)
print("one line", flush=True)
print("another", flush=True)
print("no such shop", file=sys.stderr)
sys.exit({code})
"""


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets what stands in for the generator, by its exit code."""

    def ends_with(code: int) -> None:
        command = [sys.executable, "-c", GENERATOR.format(code=code)]
        monkeypatch.setattr(step, "generator", lambda profile, services, shape, *more: [*command, *more])

    return ends_with


def test_requests_that_failed_are_figures(generator: Callable[[int], None]) -> None:
    generator(FAILED)
    looks: list[int] = []
    begun, found = step.generate("step", {}, LOAD.shape(0), "1", lambda: looks.append(1))
    assert begun == 200.0
    assert [each.error for each in found] == ["status 503"]
    assert len(looks) == 2, "once for each line"


def test_a_generator_that_breaks_is_no_measurement(generator: Callable[[int], None]) -> None:
    generator(1)
    with pytest.raises(Failure, match="ended with 1") as failure:
        step.generate("step", {}, LOAD.shape(0), "1")
    assert "no such shop" in failure.value.detail


# All of it


class FakePlatform:
    """Enough of one: nothing is asked of it here."""

    name, kubectl = "shop", None

    def url(self, service: str) -> str:
        return f"http://{service}.shop"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the cluster, which a CPU target of 120 suits. `failing` in it: the next step does."""
    told: list[str] = []

    def stepped(*_: Any) -> dict[str, Any]:
        if "failing" in told:
            told.remove("failing")
            raise Failure("the load ended with 1")
        told.append("step")
        return {**figures(), "plateau": 3}

    monkeypatch.setattr(Cluster, "autoscaling", lambda self: USUAL)
    monkeypatch.setattr(Cluster, "treat", lambda self, treatment, usual: told.append(treatment.key))
    monkeypatch.setattr(Cluster, "restore", lambda self, usual: told.append("restored"))
    monkeypatch.setattr(Cluster, "utilisation", lambda self: 110.0)
    monkeypatch.setattr(settings, "read", lambda kubectl, name: {
        "row": "settings", "hpa": settings.DEFAULTS, "resolution": "15s", "given": [], "kubernetes": "v1",
    })  # fmt: skip

    def generated(
        profile: str, services: Any, shape: Any, seed: str, meanwhile: Any
    ) -> tuple[float, list[Any]]:
        meanwhile()
        return time.time() - shape.before - 1, []

    def sold(*_: Any) -> dict[str, Any]:
        told.append("sale")
        return {"row": "sale", "services": []}

    monkeypatch.setattr(step, "run", stepped)
    monkeypatch.setattr(step, "generate", generated)
    monkeypatch.setattr(sale, "run", sold)
    return told


def experiment(file: Path) -> Experiment:
    platform: Any = FakePlatform()
    return Experiment(platform, QUICK, Ledger(file), lambda line: None, seed="1")


def test_a_run_calibrates_then_takes_turns_then_leaves_the_cluster_as_it_was(
    done: list[str], tmp_path: Path
) -> None:
    rows = experiment(tmp_path / "ledger.jsonl").run()
    assert done == [
        "fixed 3", "cpu 120", "step",  # calibration
        "metrics 20", "step", "cpu 120", "step", "fixed 3", "step",
        "restored", "sale",
    ]  # fmt: skip
    assert [row["row"] for row in rows] == ["settings", "calibration", "step", "step", "step", "sale"]
    assert "| 20 | 3 | 110 | 120 |" in report.table(document(*rows))


def test_a_run_that_failed_leaves_the_cluster_as_it_was_and_goes_on_later(
    done: list[str], tmp_path: Path
) -> None:
    first = experiment(tmp_path / "ledger.jsonl")
    first.ledger.once("calibration 20", lambda: {"row": "calibration", "cpu_target": 120})
    done.append("failing")
    with pytest.raises(Failure, match="the load ended"):
        first.run()
    assert done == ["metrics 20", "restored"]
    done.clear()
    experiment(tmp_path / "ledger.jsonl").run()
    assert done.count("step") == 3, "calibration is not made again, the step that failed is"
    assert done[-2:] == ["restored", "sale"]


# The sale


SALE = Sale(usual=1, crowd=18, before=30, hold=60, after=60)


def sold(*more: Request, others: int = 1) -> dict[str, Any]:
    seen = [deployment(100, 1, name) for name in ("user", "cart", "catalog")]
    seen += [deployment(212, 3, "catalog"), deployment(220, others, "user")]
    every = [Request(170 + at, 0.02, "user", "POST /guests", "errand") for at in range(90)]
    objectives = {"user": 250.0, "catalog": 250.0}
    return {"row": "sale", "services": sale.figures(200, SALE, seen, [*every, *more], objectives)}


def test_those_on_sale_come_first_and_the_others_are_looked_at() -> None:
    cart, catalog, user = sold()["services"]
    assert [row["service"] for row in (cart, catalog, user)] == ["cart", "catalog", "user"]
    assert (catalog["pods_before"], catalog["most_pods"], catalog["decision_s"]) == (1, 3, 12)
    assert (user["p99_before_ms"], user["p99_ms"], user["requests"]) == (20.0, 20.0, 60)
    assert (cart["p99_ms"], cart["objective_ms"]) == (None, None)
    assert sale.kept(user)


@pytest.mark.parametrize(
    "row",
    [
        sold(others=2),
        sold(Request(210, 0.3, "user", "POST /guests", "errand")),
        sold(Request(210, 0.01, "user", "POST /guests", "errand", "status 503")),
    ],
    ids=["scaled", "slower than its objective", "failed"],
)
def test_a_neighbour_that_is_touched_by_the_sale_has_not_kept(row: dict[str, Any]) -> None:
    assert not sale.kept(row["services"][-1])
    assert "**not kept**" in report.table(document(row))


@pytest.mark.parametrize(("text", "found"), [("250ms", 250), ("1s", 1000), ("1.5s", 1500)])
def test_objectives_are_durations(text: str, found: float) -> None:
    service = {"metadata": {"name": "user"}, "spec": {"slo": {"latency": {"threshold": text}}}}
    assert sale.thresholds([service, {"metadata": {"name": "mailbox"}, "spec": {}}]) == {"user": found}
    with pytest.raises(ValueError, match="5m"):
        sale.milliseconds("5m")


# The report


def document(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"commit": "0", "cores": 2, "python": "3", "rows": list(rows)}


def measured(name: str, round: int = 1, target: float = 20, **changed: Any) -> dict[str, Any]:
    decided = {"metrics": 10.0, "cpu": 30.0, "fixed": None}[name]
    return {
        "row": "step", "treatment": name, "target": target, "round": round, "value": 20, **figures(),
        "decision_s": decided, "event_s": decided, "ready_s": None if decided is None else decided + 4,
        "pod_seconds": 200.0, "p99_ms": 100.0, **changed,
    }  # fmt: skip


def rounds(count: int = 2, **changed: Any) -> list[dict[str, Any]]:
    return [measured(name, number, **changed) for number in range(1, count + 1) for name in ORDER]


def line(table: str, beginning: str) -> list[str]:
    [found] = [each for each in table.splitlines() if each.startswith(f"| {beginning}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_goals_that_are_reached() -> None:
    table = report.table(document(*rounds()))
    assert line(table, "step → first added pod Ready, p50")[1:] == ["14.0", "≤ 15", "reached"]
    assert line(table, "decision of CPU")[1:] == ["3.00", "≥ 2", "reached"]
    assert line(table, "CPU decides later")[1] == "20.0 [20.0, 20.0]"
    assert line(table, "failed requests")[1:] == ["0", "≤ 0", "reached"]
    assert "missed" not in table


@pytest.mark.parametrize(
    ("changed", "which"),
    [
        ({"ready_s": 16.0}, "step → first added pod Ready, p50"),
        ({"ready_s": None}, "step → first added pod Ready, p90"),
        ({"decision_s": 16.0}, "decision of CPU"),
        ({"failed": 1, "errors": ["status 503"]}, "failed requests"),
    ],
)
def test_goals_that_are_missed(changed: dict[str, Any], which: str) -> None:
    own = [measured("metrics", number, **changed) for number in (1, 2)]
    others = [row for row in rounds() if row["treatment"] != "metrics"]
    assert line(report.table(document(*own, *others)), which)[-1] == "**missed**"


def test_what_failed_is_named() -> None:
    table = report.table(document(*rounds(failed=2, errors=["status 503"])))
    assert line(table, "the platform's")[6] == "4"
    assert "What failed: status 503." in table


def curve(*costs: float) -> list[dict[str, Any]]:
    """At three targets, p99 of 300, 200 and 100 ms for so many pod-seconds; CPU's for 100, 200, 300."""
    points = list(zip((28, 20, 14), (300.0, 200.0, 100.0), strict=True))
    own = [
        measured("metrics", 1, t, p99_ms=p, pod_seconds=c) for (t, p), c in zip(points, costs, strict=True)
    ]
    cpu = [
        measured("cpu", 1, t, p99_ms=p, pod_seconds=c)
        for (t, p), c in zip(points, (100, 200, 300), strict=True)
    ]
    return [*own, *cpu, measured("fixed")]


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [((100, 200, 300), "reached"), ((90, 180, 290), "reached"), ((100, 250, 300), "**missed**")],
)
def test_a_curve_that_is_above_that_of_cpu_anywhere_is_worse(costs: tuple[float, ...], verdict: str) -> None:
    table = report.table(document(*curve(*costs)))
    assert line(table, "p99 by what the CPU curve buys")[-1] == verdict


def test_the_steps_that_are_compared_are_those_that_all_had() -> None:
    assert {row["target"] for row in report.steps(curve(100, 200, 300))} == {20}


def test_the_plot_has_all_six_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(document(*rounds(), *curve(100, 200, 300), sold()), tmp_path / "autoscaling.svg")
    assert (tmp_path / "autoscaling.svg").read_text().count('id="axes_') == 6
