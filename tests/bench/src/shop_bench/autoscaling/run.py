"""One run: settings, calibration, steps in turns, the sale."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from shop_platform.paths import own_cache
from shop_platform.platform import Platform
from shop_platform.process import Failure

from shop_bench.autoscaling import calibration, sale, settings, step
from shop_bench.autoscaling.cluster import Cluster
from shop_bench.autoscaling.ledger import Ledger
from shop_bench.autoscaling.sale import Sale
from shop_bench.autoscaling.step import Load
from shop_bench.autoscaling.treatments import CPU_LIMIT, ORDER, Name, Treatment
from shop_bench.figures import document
from shop_bench.load.command import cluster as existing
from shop_bench.load.command import on_cluster
from shop_bench.load.profiles import Shape
from shop_bench.load.visits import REQUESTS

Row = dict[str, Any]
Tell = Callable[[str], None]
SERVICE = "catalog"
PERIOD_SECONDS = 15.0
"""Of the HPA controller: steps begin at a random phase of it."""
PLATEAU_SECONDS = 100.0
"""Of load until the number of pods is taken for final: one on CPU takes two or three periods to it."""


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    rounds: int
    targets: tuple[float, ...]
    """Requests per second that one pod is to carry; each round has all of them."""
    treatments: tuple[Name, ...]
    """At each target."""
    load: Load
    sale: Sale | None = None
    measured: float = 60.0
    """Seconds of the plateau, of which CPU is measured for the first guess at its target."""
    warm: float = 75.0
    """Seconds before them: pods have just started, and metrics-server looks back one resolution."""


FULL = Scope(
    rounds=12,
    targets=(52,),
    treatments=ORDER,
    load=Load(base=26, peak=155, settle=10, hold=60, after=50),
    sale=Sale(usual=2, crowd=15, before=60, hold=150, after=90),
)
QUICK = Scope(
    rounds=1,
    targets=(52,),
    treatments=ORDER,
    load=Load(base=26, peak=155, settle=10, hold=60, after=50),
    sale=Sale(usual=2, crowd=15, before=20, hold=60, after=30),
    measured=20,
    warm=60,
)


@dataclass(frozen=True)
class Turn:
    """One step that is to be made."""

    round: int
    name: Name
    target: float
    """Of the platform's autoscaler; the others are as many pods."""
    phase: float
    """Seconds of random wait."""

    @property
    def key(self) -> str:
        """What the ledger knows it by."""
        return f"step {self.target:g} {self.name} {self.round}"


def turns(scope: Scope, seed: str) -> Iterator[Turn]:
    """All steps, in order: within a round treatments alternate, and each round begins with another one.

    Phases are a stratified sample: each of `scope.rounds` equal parts of the period has one of each treatment
    at each target, in random order and at a random place. Twelve that are drawn alone may be early by luck.
    """
    names = scope.treatments
    for number in range(1, scope.rounds + 1):
        for index, target in enumerate(scope.targets, start=number - 1):
            first = index % len(names)
            for name in (*names[first:], *names[:first]):
                chance = random.Random(f"{seed} {target:g} {name}")
                part = chance.sample(range(scope.rounds), scope.rounds)[number - 1]
                place = random.Random(f"{seed} {target:g} {name} {number}").random()
                yield Turn(number, name, target, PERIOD_SECONDS * (part + place) / scope.rounds)


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench autoscaling` calls."""
    return measured("autoscaling-quick" if quick else "autoscaling", QUICK if quick else FULL, tell)


def measured(name: str, scope: Scope, tell: Tell) -> list[Row]:
    """All rows. A run of the same name and commit that was stopped goes on. Raises Failure."""
    platform = existing()
    commit = document([])["commit"].replace(" ", "-")
    folder = own_cache() / "bench"
    folder.mkdir(exist_ok=True)
    ledger = Ledger(folder / f"{name}-{platform.name}-{commit}.jsonl")
    rows = Experiment(platform, scope, ledger, tell, seed=commit).run()
    ledger.forget()
    return rows


@dataclass
class Experiment:
    """All of it on one cluster, which is left as it was found."""

    platform: Platform
    scope: Scope
    ledger: Ledger
    tell: Tell
    seed: str
    _targets: dict[float, int] = field(default_factory=dict)
    """The CPU target that is comparable to each of the platform's."""

    def __post_init__(self) -> None:
        self._cluster = Cluster(self.platform.kubectl, SERVICE)
        self._services = on_cluster(self.platform)

    def run(self) -> list[Row]:
        """All rows. Raises Failure."""
        # Read before anything is changed, and again by a run that goes on after one that could not restore.
        self._usual = self.ledger.once("usual", self._cluster.spec)
        found = [self.ledger.once("settings", self._settings)]
        try:
            for target in self.scope.targets:
                found.append(self.ledger.once(f"calibration {target:g}", partial(self._calibrate, target)))
                self._targets[target] = found[-1]["cpu_target"]
            for turn in turns(self.scope, self.seed):
                known = turn.key in self.ledger
                found.append(self.ledger.once(turn.key, partial(self._step, turn)))
                if not known:
                    self._told(found[-1])
        finally:
            self._cluster.restore(self._usual)
        if wanted := self.scope.sale:
            found.append(self.ledger.once("sale", partial(self._sale, wanted)))
        return found

    def _settings(self) -> Row:
        row = settings.read(self.platform.kubectl, self.platform.name)
        flags = ", ".join(f"{name} {value}" for name, value in row["hpa"].items())
        self.tell(f"HPA controller: {flags}; given: {', '.join(row['given']) or 'none'}")
        self.tell(f"metrics-server looks every {row['resolution']}")
        if not settings.stock(row):
            self.tell("this is not as shipped: the report says so")
        load = {"base": self.scope.load.base, "peak": self.scope.load.peak, "cpu_limit": CPU_LIMIT}
        return {**row, "stock": settings.stock(row), **load}

    def _calibrate(self, target: float) -> Row:
        """The CPU target under which as many pods run at the plateau."""
        peak = self.scope.load.peak
        pods = calibration.pods_for(peak, target)
        measured = self._utilisation(pods)
        guess = calibration.first_guess(measured, pods, peak, target)
        self.tell(f"target {target:g}: {pods} pods at the plateau use {measured:.0f} % of their CPU request")

        def plateau(cpu: int) -> int:
            self._cluster.treat(Treatment("cpu", cpu), self._usual)
            load = replace(self.scope.load, hold=PLATEAU_SECONDS, after=0)
            found = step.run(self._cluster, self._services, load, 0.0, f"{self.seed} {cpu}")
            self.tell(f"target {target:g}: {found['plateau']} pods with a CPU target of {cpu} %")
            return int(found["plateau"])

        try:
            right, tried = calibration.search(plateau, guess, pods)
        except calibration.NotFound as error:
            raise Failure(str(error)) from error
        return {
            "row": "calibration",
            "target": target,
            "pods": pods,
            "utilisation": round(measured, 1),
            "cpu_target": right,
            "tried": tried,
        }

    def _utilisation(self, pods: int) -> float:
        """Of that many pods at the plateau: the median of what an HPA would have seen. Raises Failure."""
        self._cluster.treat(Treatment("fixed", pods), self._usual)
        each = REQUESTS["glance"][SERVICE]
        rate = self.scope.load.peak / each
        shape = Shape(rate, rate, self.scope.warm, self.scope.measured, 0, {"glance": 1})
        seen: list[tuple[float, float | None]] = []
        begun, _ = step.generate(
            "steady",
            self._services,
            shape,
            self.seed,
            lambda: seen.append((time.time(), self._cluster.utilisation())),
        )
        begin, end = begun + shape.before, begun + shape.seconds
        known = [value for at, value in seen if begin <= at < end and value is not None]
        if not known:
            raise Failure(f"metrics-server has nothing of {SERVICE}: `kubectl top pods -n shop`")
        return statistics.median(known)

    def _step(self, turn: Turn) -> Row:
        value = {
            "metrics": turn.target,
            "cpu": self._targets[turn.target],
            "fixed": calibration.pods_for(self.scope.load.peak, turn.target),
        }[turn.name]
        self._cluster.treat(Treatment(turn.name, value), self._usual)
        # The same people for all treatments of a round.
        seed = f"{self.seed} {turn.target:g} {turn.round}"
        found = step.run(self._cluster, self._services, self.scope.load, turn.phase, seed)
        return {
            "row": "step",
            "treatment": turn.name,
            "target": turn.target,
            "value": value,
            "round": turn.round,
            **found,
        }

    def _sale(self, wanted: Sale) -> Row:
        self._cluster.rest()
        return sale.run(self.platform.kubectl, self._services, wanted, self.seed)

    def _told(self, row: Row) -> None:
        what = f"target {row['target']:g}, round {row['round']}, {row['treatment']} {row['value']:g}"
        self.tell(
            f"{what}: decided after {_seconds(row['decision_s'])}, ready after {_seconds(row['ready_s'])},"
            f" {row['plateau']} pods, p99 {row['p99_ms']:.0f} ms, {row['failed']} failed,"
            f" {row['pod_seconds']:.0f} pod-seconds"
        )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
