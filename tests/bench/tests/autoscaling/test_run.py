"""The order of the experiment, and how it leaves the cluster. No cluster."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from shop_bench.autoscaling import report, settings, step
from shop_bench.autoscaling.cluster import Cluster
from shop_bench.autoscaling.ledger import Ledger
from shop_bench.autoscaling.run import FULL, PERIOD_SECONDS, QUICK, Experiment, turns
from shop_bench.autoscaling.treatments import ORDER
from shop_bench.load.samples import Request
from shop_bench.scaling_cost.run import CURVE
from shop_platform.process import Failure

from .seen import USUAL, FakePlatform, document, figures


def test_treatments_alternate_and_each_is_first_as_often_as_the_others() -> None:
    plan = list(turns(FULL, "seed"))
    assert all(first.name != second.name for first, second in pairwise(plan) if first.round == second.round)
    by_round = [[turn.name for turn in plan if turn.round == number] for number in range(1, 13)]
    assert all(sorted(names) == sorted(ORDER) for names in by_round)
    assert sorted(names[0] for names in by_round) == sorted(ORDER * 4)
    assert len({turn.key for turn in plan}) == len(plan) == 36


def test_a_round_of_the_curve_has_both_autoscalers_at_each_target() -> None:
    plan = list(turns(CURVE, "seed"))
    assert len({turn.key for turn in plan}) == len(plan) == 3 * 3 * 2
    for number in range(1, 4):
        found = [(turn.pods, turn.name) for turn in plan if turn.round == number]
        assert sorted(found) == sorted((pods, name) for pods in CURVE.pods for name in ("metrics", "cpu"))
    firsts = [turn.name for turn in plan[::2]]
    assert sorted(firsts) == sorted((*("metrics", "cpu") * 4, "metrics")), "as often as nine allow"


def test_phases_cover_the_period_and_are_the_same_for_one_seed() -> None:
    phases = [turn.phase for turn in turns(FULL, "seed")]
    assert all(0 <= phase <= PERIOD_SECONDS for phase in phases)
    for name in ORDER:
        own = sorted(turn.phase for turn in turns(FULL, "seed") if turn.name == name)
        parts = [int(phase / PERIOD_SECONDS * FULL.rounds) for phase in own]
        assert parts == list(range(FULL.rounds)), "each part of the period has one"
    assert phases == [turn.phase for turn in turns(FULL, "seed")]
    assert phases != [turn.phase for turn in turns(FULL, "another")]


def test_a_quick_run_has_each_treatment_once() -> None:
    assert [turn.name for turn in turns(QUICK, "seed")] == list(ORDER)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to a cluster, a pod of which answers 100 requests/s. `failing` in it: the next step is."""
    told: list[str] = []

    def stepped(*_: Any) -> dict[str, Any]:
        if "failing" in told:
            told.remove("failing")
            raise Failure("the load ended with 1")
        told.append("step")
        return {**figures(), "plateau": 3}

    monkeypatch.setattr(Cluster, "spec", lambda self: USUAL)
    monkeypatch.setattr(Cluster, "treat", lambda self, treatment, usual: told.append(treatment.key))
    monkeypatch.setattr(Cluster, "restore", lambda self, usual: told.append("restored"))
    monkeypatch.setattr(Cluster, "utilisation", lambda self: 110.0)
    monkeypatch.setattr(settings, "read", lambda kubectl, name: {
        "row": "settings", "hpa": settings.DEFAULTS, "resolution": "15s", "given": [], "kubernetes": "v1",
    })  # fmt: skip

    def generated(
        profile: str, services: Any, shape: Any, seed: str, meanwhile: Any = lambda: None
    ) -> tuple[float, list[Any]]:
        meanwhile()
        begun = time.time() - shape.before - 1
        count = int(100 * shape.hold)
        ends = (begun + shape.before + number / 100 for number in range(count))
        return begun, [Request(at - 0.01, 0.01, "catalog", "GET /products", "glance") for at in ends]

    monkeypatch.setattr(step, "run", stepped)
    monkeypatch.setattr(step, "generate", generated)
    return told


def experiment(file: Path) -> Experiment:
    platform: Any = FakePlatform()
    return Experiment(platform, QUICK, Ledger(file), lambda line: None, seed="1")


def test_a_run_calibrates_then_takes_turns_then_leaves_the_cluster_as_it_was(
    done: list[str], tmp_path: Path
) -> None:
    rows = experiment(tmp_path / "ledger.jsonl").run()
    assert done == [
        "fixed 1",  # what it answers
        "fixed 3", "cpu 121", "step",  # calibration
        "metrics 44", "step", "cpu 121", "step", "fixed 3", "step",
        "restored",
    ]  # fmt: skip
    assert [row["row"] for row in rows] == ["settings", "load", "calibration", "step", "step", "step"]
    table = report.table(document(*rows))
    assert "full at 100 requests/s; the load goes from 20 to 120" in table
    assert "| 44 | 3 | 110 | 121 |" in table


def test_a_run_that_failed_leaves_the_cluster_as_it_was_and_goes_on_later(
    done: list[str], tmp_path: Path
) -> None:
    first = experiment(tmp_path / "ledger.jsonl")
    first.ledger.once("calibration 3", lambda: {"row": "calibration", "target": 47, "cpu_target": 120})
    done.append("failing")
    with pytest.raises(Failure, match="the load ended"):
        first.run()
    assert done == ["fixed 1", "metrics 47", "restored"]
    done.clear()
    experiment(tmp_path / "ledger.jsonl").run()
    assert done.count("step") == 3, "calibration is not made again, the step that failed is"
    assert done[-1] == "restored"
