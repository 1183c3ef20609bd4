"""Why pods do not come up, from the states of their containers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Manifest = dict[str, Any]

_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
_CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
# What is told when several things are wrong: first the one that cannot mend itself.
_RANK = ("ImagePullFailed", "ContainerConfigError", "CrashLoopBackOff", "Unschedulable")
HINT_LENGTH = 300


class Failure(NamedTuple):
    """Why a pod does not run, as a condition's reason and message."""

    reason: str
    message: str


def failure(pods: Iterable[Manifest]) -> Failure | None:
    """The worst reason why one of these pods does not come up, or None."""
    found = [one for pod in pods if (one := _of_pod(pod))]
    return min(found, key=lambda one: (_RANK.index(one.reason), one.message), default=None)


def last_words(pods: Iterable[Manifest]) -> str:
    """The end of the termination message of the container that failed last, or nothing."""
    ended = [
        terminated
        for pod in pods
        for container in pod["status"]["containerStatuses"]
        for terminated in (
            container.get("state", {}).get("terminated"), container.get("lastState", {}).get("terminated")
        )
        if terminated and terminated.get("exitCode") and terminated.get("message")
    ]  # fmt: skip
    latest = max(ended, key=lambda terminated: terminated.get("finishedAt") or "", default=None)
    return latest["message"].strip()[-HINT_LENGTH:] if latest else ""


def _of_pod(pod: Manifest) -> Failure | None:
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        return None
    for container in pod["status"]["containerStatuses"]:
        waiting = container.get("state", {}).get("waiting") or {}
        reason, text = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _IMAGE:
            return Failure(
                "ImagePullFailed", f"image {container['image']} of pod {name}: {reason}{_tail(text)}"
            )
        if reason in _CONFIG:
            return Failure(
                "ContainerConfigError", f"container {container['name']} of pod {name}: {reason}{_tail(text)}"
            )
        if reason == "CrashLoopBackOff":
            ended = container.get("lastState", {}).get("terminated") or {}
            how = ended.get("reason", "Error")
            code = ended.get("exitCode", "?")
            said = _tail((ended.get("message") or "").strip()[-HINT_LENGTH:])
            return Failure(
                "CrashLoopBackOff",
                f"container {container['name']} of pod {name} ends with {how} (exit code {code}){said}",
            )
    for condition in pod["status"]["conditions"]:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Failure("Unschedulable", f"pod {name}{_tail(condition.get('message', ''))}")
    return None


def _tail(text: str) -> str:
    return f": {text[:HINT_LENGTH]}" if text else ""
