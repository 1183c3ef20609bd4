"""One step of load under one treatment: what is done, and what figures come of it."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kindlocal.processes import precede
from shop_platform.process import Failure, tail

from shop_bench.autoscaling import timeline
from shop_bench.autoscaling.cluster import Cluster
from shop_bench.autoscaling.timeline import Seen
from shop_bench.figures import Row
from shop_bench.load import samples
from shop_bench.load.command import generator
from shop_bench.load.profiles import Shape
from shop_bench.load.samples import ARRIVAL, Request
from shop_bench.load.visits import REQUESTS

Tell = Callable[[str], None]
PERIOD_SECONDS = 15.0
"""Of the HPA controller."""
START_SECONDS = 2.0
"""Of the generator, about."""
REST_SECONDS = 10.0
"""At the base rate, before the wait for the phase of the step."""
EVERY_SECONDS = 5.0
"""Of the figures over time, which begin REST_SECONDS before the step."""
BEGUN = "begun "


@dataclass(frozen=True)
class Load:
    """A step. Rates in requests per second, or as shares of what one pod carries; times in seconds."""

    base: float
    peak: float
    hold: float
    after: float

    def of(self, full: float) -> Load:
        """In requests per second, where one pod is full at so many."""
        return replace(self, base=round(self.base * full), peak=round(self.peak * full))

    def shape(self, wait: float) -> Shape:
        """As people of `glance`, more of whom come `wait` seconds later than planned."""
        each = REQUESTS["glance"]["catalog"]
        before = REST_SECONDS + wait
        return Shape(self.base / each, self.peak / each, before, self.hold, self.after, {"glance": 1})


def run(
    cluster: Cluster, services: Mapping[str, str], load: Load, phase: float, look: float | None, seed: str
) -> Row:
    """The treatment is in force. Raises Failure.

    The step comes `phase` seconds after the HPA controller looks, which it did at `look` (Unix seconds);
    where that is not known, `phase` seconds after settling.
    """
    earliest = time.time() + START_SECONDS + REST_SECONDS
    shape = load.shape(wait(earliest, phase, look))
    with cluster.deployments() as deployments, cluster.pods() as pods, cluster.rescales() as rescales:
        begun, requests = generate("step", services, shape, seed)
        seen = deployments.seen, pods.seen, rescales.seen
    began = begun + shape.before
    since = None if look is None else round((began - look) % PERIOD_SECONDS, 2)
    return {"phase": since, **figures(began, load, *seen, requests)}


def wait(earliest: float, phase: float, look: float | None) -> float:
    """Seconds from `earliest` until `phase` seconds have passed since a look of the controller."""
    return phase if look is None else (look + phase - earliest) % PERIOD_SECONDS


def generate(
    profile: str,
    services: Mapping[str, str],
    shape: Shape,
    seed: str,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[float, list[Request]]:
    """Runs the generator to its end; when its profile began, and all requests. Raises Failure.

    `meanwhile` is called every few seconds, as often as the generator says something.
    """
    with tempfile.TemporaryDirectory(prefix="bench-autoscaling-") as folder:
        file = Path(folder, "samples.jsonl")
        words = generator(profile, services, asdict(shape), "--seed", seed, "--samples", str(file))
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
            # It stands for other people's machines: the cluster must not make it late.
            precede(process.pid)
            assert process.stdout is not None
            assert process.stderr is not None
            said: list[str] = []
            reader = threading.Thread(target=lambda: said.extend(process.stderr or []), daemon=True)
            reader.start()
            try:
                told = process.stdout.readline()
                for _ in process.stdout:
                    meanwhile()
                process.wait()
            except BaseException:
                process.terminate()
                raise
            finally:
                reader.join()
        # That a request failed is a figure, and no failure of the benchmark.
        if process.returncode not in (0, samples.FAILED) or not told.startswith(BEGUN):
            raise Failure(f"the load ended with {process.returncode}", tail("".join(said)))
        return float(told.removeprefix(BEGUN)), list(samples.read(file))


def figures(
    began: float,
    load: Load,
    deployments: Sequence[Seen],
    pods: Sequence[Seen],
    rescales: Sequence[Seen],
    requests: Sequence[Request],
) -> Row:
    """Of a step at `began` (Unix seconds).

    Latencies are of requests that were due from then until the load fell; failures of all that were made,
    while pods were added and while they were removed; pod-seconds from the step to the end of the load.
    """
    lives, replicas = timeline.pods(pods), timeline.wanted(deployments)
    top, end = began + load.hold, began + load.hold + load.after
    during = samples.figures(samples.due_in(requests, began, top), load.hold)
    whole = samples.figures(samples.due_in(requests, 0, float("inf")), load.hold)
    late = samples.figures((each for each in requests if each.route == ARRIVAL), load.hold)
    existing = timeline.existing(lives)
    event = timeline.rescale_event(rescales, began)
    return {
        "decision_s": _rounded(timeline.decision(replicas, began)),
        "event_s": _rounded(event[0]) if event else None,
        "event": event[1] if event else None,
        "ready_s": _rounded(timeline.first_ready(lives, began)),
        "plateau": timeline.at(replicas, top - 1),
        "most": timeline.most(replicas, began, end),
        "requests": whole.count,
        "per_second": round(during.rate, 1),
        "p50_ms": round(during.p50 * 1000, 1),
        "p99_ms": round(during.p99 * 1000, 1),
        "failed": whole.failed,
        "errors": list(whole.errors),
        "late_p99_ms": round(late.p99 * 1000, 1),
        "pod_seconds": round(timeline.area(existing, began, end), 1),
        "replicas": timeline.relative(replicas, began - REST_SECONDS, end),
        "serving": timeline.sampled(timeline.serving(lives), began - REST_SECONDS, end, EVERY_SECONDS),
        "p99_over_time_ms": over_time(requests, began - REST_SECONDS, end),
    }


def over_time(requests: Iterable[Request], begin: float, end: float) -> list[float | None]:
    """p99 in milliseconds of what was due in each EVERY_SECONDS; None where nothing was answered."""
    found: list[list[Request]] = [[] for _ in range(int((end - begin) / EVERY_SECONDS))]
    for each in requests:
        index = int((each.due - begin) // EVERY_SECONDS)
        if each.route != ARRIVAL and 0 <= index < len(found):
            found[index].append(each)
    percentiles = [samples.figures(each, EVERY_SECONDS).p99 for each in found]
    return [round(one * 1000, 1) if one == one else None for one in percentiles]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
