"""From what was seen of a Deployment and its pods to figures of a step. All times in Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
Seen = tuple[float, Json]
"""When an event of a watch came, and the event: `{"type": "ADDED", "object": {…}}`."""
Steps = list[tuple[float, int]]
"""A number over time: from each time on it is that. Before the first it is not known."""


@dataclass(frozen=True)
class Pod:
    """A pod's life, as far as it was seen."""

    name: str
    made: float
    ready: float | None = None
    gone: float | None = None


def pods(seen: Iterable[Seen]) -> list[Pod]:
    """All pods, in the order in which they came. Ready counts from the first time that it was."""
    found: dict[str, Pod] = {}
    for at, event in seen:
        pod = event["object"]
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        before = found.get(uid, Pod(name, at))
        conditions = pod.get("status", {}).get("conditions") or []
        is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        ready = at if before.ready is None and is_ready else before.ready
        found[uid] = Pod(name, before.made, ready, at if event["type"] == "DELETED" else before.gone)
    return list(found.values())


def wanted(seen: Iterable[Seen]) -> Steps:
    """`spec.replicas` of a Deployment, whenever it changed."""
    found: Steps = []
    for at, event in seen:
        number = int(event["object"]["spec"].get("replicas", 1))
        if not found or found[-1][1] != number:
            found.append((at, number))
    return found


def last_look(seen: Iterable[Seen], deployment: str) -> float | None:
    """When the HPA controller was last seen to look at a Deployment's HPA: what it finds it writes into the
    status. None: it found the same each time, or there is no HPA any more."""
    uid, status, found = None, None, None
    for time, event in seen:
        hpa = event["object"]
        if hpa["spec"]["scaleTargetRef"]["name"] != deployment:
            continue
        if event["type"] == "DELETED":
            found = None
        elif hpa["metadata"]["uid"] == uid and hpa.get("status") != status:
            found = time
        uid, status = hpa["metadata"]["uid"], hpa.get("status")
    return found


def existing(every: Iterable[Pod]) -> Steps:
    """How many pods there were, from the first that was made: they cost until they are gone."""
    return _counted([(pod.made, pod.gone) for pod in every])


def serving(every: Iterable[Pod]) -> Steps:
    """How many had become Ready and were not gone yet."""
    return _counted([(pod.ready, pod.gone) for pod in every if pod.ready is not None])


def _counted(lives: Iterable[tuple[float, float | None]]) -> Steps:
    changes = [(begin, 1) for begin, _ in lives] + [(end, -1) for _, end in lives if end is not None]
    found: Steps = []
    number = 0
    for at, change in sorted(changes):
        number += change
        if found and found[-1][0] == at:
            found[-1] = at, number
        else:
            found.append((at, number))
    return found


def at(steps: Steps, time: float) -> int:
    """The number at a time; 0 before anything is known."""
    return next((number for begin, number in reversed(steps) if begin <= time), 0)


def area(steps: Steps, begin: float, end: float) -> float:
    """The integral of the number from `begin` to `end`: pod-seconds, of pods."""
    inside = [(time, number) for time, number in steps if begin < time < end]
    points = [(begin, at(steps, begin)), *inside, (end, 0)]
    return sum(number * (later - time) for (time, number), (later, _) in pairwise(points))


def sampled(steps: Steps, begin: float, end: float, every: float) -> list[int]:
    """The number at `begin`, and each so many seconds later, up to `end`."""
    return [at(steps, begin + index * every) for index in range(int((end - begin) / every) + 1)]


def decision(steps: Steps, begin: float) -> float | None:
    """Seconds from a step of load at `begin` until more pods were wanted; None: they never were."""
    before = at(steps, begin)
    return next((time - begin for time, number in steps if time > begin and number > before), None)


def first_ready(every: Iterable[Pod], begin: float) -> float | None:
    """Seconds from a step of load at `begin` until a pod that was made after it is Ready; None: none was."""
    added = [pod.ready - begin for pod in every if pod.made > begin and pod.ready is not None]
    return min(added, default=None)


def rescale_event(seen: Iterable[Seen], begin: float) -> tuple[float, str] | None:
    """When the HPA first told after `begin` that it had added pods, in seconds, and its words."""
    for time, event in seen:
        told = event["object"]
        is_news = event["type"] != "DELETED" and told.get("reason") == "SuccessfulRescale"
        if time > begin and is_news and "above target" in told.get("message", ""):
            return time - begin, told["message"]
    return None


def most(steps: Steps, begin: float, end: float) -> int:
    """The highest number between two times."""
    return max([at(steps, begin), *(number for time, number in steps if begin <= time < end)])


def settled(steps: Steps, number: int, now: float, seconds: float) -> bool:
    """Whether it has been that number for so long."""
    return at(steps, now) == number and bool(steps) and now - steps[-1][0] >= seconds


def relative(steps: Steps, begin: float, end: float) -> list[list[float]]:
    """For a file: `[seconds since begin, number]`, from what it was at `begin` to `end`."""
    inside: Sequence[tuple[float, int]] = [each for each in steps if begin < each[0] < end]
    return [[0.0, at(steps, begin)], *([round(time - begin, 2), number] for time, number in inside)]
