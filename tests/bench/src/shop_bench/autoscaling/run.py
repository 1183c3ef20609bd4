"""One run: settings, load, calibration, steps in turns."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from shop_platform.platform import Platform
from shop_platform.process import Failure

from shop_bench.autoscaling import calibration, settings, step
from shop_bench.autoscaling.cluster import Cluster
from shop_bench.autoscaling.ledger import Ledger
from shop_bench.autoscaling.step import PERIOD_SECONDS, Load
from shop_bench.autoscaling.treatments import CPU_LIMIT, ORDER, Name, Treatment
from shop_bench.figures import Row, commit
from shop_bench.load.command import cluster as existing
from shop_bench.load.command import on_cluster
from shop_bench.load.profiles import Shape
from shop_bench.load.samples import ARRIVAL
from shop_bench.load.visits import REQUESTS

Tell = Callable[[str], None]
SERVICE = "catalog"
GUESS = 240.0
"""Requests per second that one pod of CPU_LIMIT cannot carry; if it does, twice as many."""
FULL_SECONDS = (10.0, 20.0)
"""Of that load: until it is counted what is answered, and for how long."""
PLATEAU_SECONDS = 100.0
"""Of load until the number of pods is taken for final: one on CPU takes two or three periods to it."""


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    rounds: int
    pods: tuple[int, ...]
    """At the plateau; what one of them is to carry follows from it. Each round has all of these."""
    treatments: tuple[Name, ...]
    """For each of them."""
    load: Load
    """As shares of what one pod carries."""
    measured: float = 60.0
    """Seconds of the plateau, of which CPU is measured for the first guess at its target."""
    warm: float = 75.0
    """Seconds before them: pods have just started, and metrics-server looks back one resolution."""


# At 1.2 of what a pod answers, what comes in the 22 seconds until there is another at the worst phase waits
# for at most 4.5: requests fail after 5.
FULL = Scope(
    rounds=12,
    pods=(3,),
    treatments=ORDER,
    load=Load(base=0.2, peak=1.2, hold=60, after=50),
)
QUICK = replace(FULL, rounds=1, measured=20, warm=60)


@dataclass(frozen=True)
class Turn:
    """One step that is to be made."""

    round: int
    name: Name
    pods: int
    """Of the platform's autoscaler; the others are as many pods."""
    phase: float
    """Seconds since the HPA controller looked."""

    @property
    def key(self) -> str:
        """What the ledger knows it by."""
        return f"step {self.pods} {self.name} {self.round}"


def turns(scope: Scope, seed: str) -> Iterator[Turn]:
    """All steps, in order: within a round treatments alternate, and each round begins with another one.

    Phases are a stratified sample: each of `scope.rounds` equal parts of the HPA controller's period has one
    of each treatment for each number of pods, in random order and at a random place. Twelve that are drawn
    alone may be early by luck.
    """
    names = scope.treatments
    for number in range(1, scope.rounds + 1):
        for index, pods in enumerate(scope.pods, start=number - 1):
            first = index % len(names)
            for name in (*names[first:], *names[:first]):
                chance = random.Random(f"{seed} {pods} {name}")
                part = chance.sample(range(scope.rounds), scope.rounds)[number - 1]
                place = random.Random(f"{seed} {pods} {name} {number}").random()
                yield Turn(number, name, pods, PERIOD_SECONDS * (part + place) / scope.rounds)


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench autoscaling` calls."""
    return measured("autoscaling-quick" if quick else "autoscaling", QUICK if quick else FULL, tell)


def measured(name: str, scope: Scope, tell: Tell) -> list[Row]:
    """All rows. A run of the same name and commit that was stopped goes on. Raises Failure."""
    platform, seed = existing(), commit()
    ledger = Ledger.of(name, platform.name, seed)
    rows = Experiment(platform, scope, ledger, tell, seed).run()
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
    _calibrated: dict[int, Row] = field(default_factory=dict)
    """By pods at the plateau: both targets."""

    def __post_init__(self) -> None:
        self._cluster = Cluster(self.platform.kubectl, SERVICE)
        self._services = on_cluster(self.platform)

    def run(self) -> list[Row]:
        """All rows. Raises Failure."""
        # Read before anything is changed, and again by a run that goes on after one that could not restore.
        self._usual = self.ledger.once("usual", self._cluster.spec)
        found = [self.ledger.once("settings", self._settings)]
        try:
            found.append(self.ledger.once("load", self._find_load))
            self._load = replace(self.scope.load, base=found[-1]["base"], peak=found[-1]["peak"])
            for pods in self.scope.pods:
                found.append(self.ledger.once(f"calibration {pods}", partial(self._calibrate, pods)))
                self._calibrated[pods] = found[-1]
            for turn in turns(self.scope, self.seed):
                known = turn.key in self.ledger
                found.append(self.ledger.once(turn.key, partial(self._step, turn)))
                if not known:
                    self._told(found[-1])
        finally:
            self._cluster.restore(self._usual)
        return found

    def _settings(self) -> Row:
        row = settings.read(self.platform.kubectl, self.platform.name)
        flags = ", ".join(f"{name} {value}" for name, value in row["hpa"].items())
        self.tell(f"HPA controller: {flags}; given: {', '.join(row['given']) or 'none'}")
        self.tell(f"metrics-server looks every {row['resolution']}")
        if not settings.stock(row):
            self.tell("this is not as shipped: the report says so")
        return {**row, "stock": settings.stock(row)}

    def _find_load(self) -> Row:
        """As much as one pod cannot carry, on this machine as it is today. Raises Failure."""
        self._cluster.treat(Treatment("fixed", 1), self._usual)

        def answered(asked: float) -> float:
            shape = _steady(asked, *FULL_SECONDS)
            begun, requests = step.generate("steady", self._services, shape, self.seed)
            begin, end = begun + shape.before, begun + shape.seconds
            ends = (each.due + each.seconds for each in requests if each.route != ARRIVAL and not each.error)
            return sum(begin <= at < end for at in ends) / (end - begin)

        full = calibration.full(answered, GUESS)
        load = self.scope.load.of(full)
        self.tell(f"one pod of {CPU_LIMIT} is full at {full:.0f} requests/s: from {load.base} to {load.peak}")
        rates = {"full": round(full, 1), "base": load.base, "peak": load.peak}
        return {"row": "load", "cpu_limit": CPU_LIMIT, **rates}

    def _calibrate(self, pods: int) -> Row:
        """What one pod is to carry for so many at the plateau, and the CPU target that gives as many."""
        peak = self._load.peak
        target = calibration.target_for(peak, pods)
        measured = self._utilisation(pods)
        guess = calibration.first_guess(measured, pods, peak, target)
        self.tell(f"{pods} pods at the plateau use {measured:.0f} % of their CPU request")

        def plateau(cpu: int) -> int:
            self._cluster.treat(Treatment("cpu", cpu), self._usual)
            load = replace(self._load, hold=PLATEAU_SECONDS, after=0)
            found = step.run(self._cluster, self._services, load, 0.0, None, f"{self.seed} {cpu}")
            self.tell(f"{found['plateau']} pods with a CPU target of {cpu} %")
            return int(found["plateau"])

        right, tried = calibration.search(plateau, guess, pods)
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
        shape = _steady(self._load.peak, self.scope.warm, self.scope.measured)
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
        calibrated = self._calibrated[turn.pods]
        target = calibrated["target"]
        value = {"metrics": target, "cpu": calibrated["cpu_target"], "fixed": turn.pods}[turn.name]
        look = self._cluster.treat(Treatment(turn.name, value), self._usual)
        # The same people for all treatments of a round.
        seed = f"{self.seed} {turn.pods} {turn.round}"
        found = step.run(self._cluster, self._services, self._load, turn.phase, look, seed)
        return {
            "row": "step",
            "treatment": turn.name,
            "target": target,
            "value": value,
            "round": turn.round,
            **found,
        }

    def _told(self, row: Row) -> None:
        what = f"target {row['target']:g}, round {row['round']}, {row['treatment']} {row['value']:g}"
        self.tell(
            f"{what}: decided after {_seconds(row['decision_s'])}, ready after {_seconds(row['ready_s'])},"
            f" {row['plateau']} pods, p99 {row['p99_ms']:.0f} ms, {row['failed']} failed,"
            f" {row['pod_seconds']:.0f} pod-seconds"
        )


def _steady(rate: float, before: float, hold: float) -> Shape:
    """So many requests of the service a second."""
    people = rate / REQUESTS["glance"][SERVICE]
    return Shape(people, people, before, hold, 0, {"glance": 1})


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
