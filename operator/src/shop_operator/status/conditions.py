"""Conditions as the Kubernetes API conventions want them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MESSAGE_LENGTH = 1024
BAD = {"Reconciled": "False", "Degraded": "True"}
# Services that are installed together name each other before all of them are there.
EXPECTED = "DependencyMissing"


@dataclass(frozen=True, slots=True)
class Condition:
    """One aspect of a ShopService. `status` None stands for Unknown."""

    type: str
    status: bool | None
    reason: str
    message: str = ""


def merge(
    conditions: Iterable[Condition], before: Iterable[dict[str, Any]], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Conditions as they are stored; lastTransitionTime stays while the status stays."""
    old = {condition["type"]: condition for condition in before}
    return [_stored(condition, old.get(condition.type, {}), generation, now) for condition in conditions]


def news(status: dict[str, Any], before: dict[str, Any]) -> list[tuple[str, str]]:
    """Reason and message of what has gone wrong since `before`, or is wrong for another reason now."""
    old = {condition["type"]: condition for condition in before.get("conditions", ())}
    return [
        (condition["reason"], condition["message"])
        for condition in status["conditions"]
        if condition["status"] == BAD.get(condition["type"])
        and condition["reason"] != EXPECTED
        and any(condition[part] != old.get(condition["type"], {}).get(part) for part in ("status", "reason"))
    ]


def summary(conditions: Iterable[Condition]) -> str:
    """The one word that says most: what is wrong, else what is under way, else how it serves."""
    found = {condition.type: condition for condition in conditions}
    asked = (
        ("Reconciled", True),
        ("Degraded", False),
        ("Progressing", False),
        ("Ready", True),
        ("AutoscalingActive", True),
    )
    for type_, usual in asked:
        condition = found.get(type_)
        if condition is not None and condition.status is not usual:
            return condition.reason
    return found["Ready"].reason


def _stored(condition: Condition, old: dict[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    status = "Unknown" if condition.status is None else str(condition.status)
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    return {
        "type": condition.type,
        "status": status,
        "reason": condition.reason,
        "message": condition.message[:MESSAGE_LENGTH],
        "observedGeneration": generation,
        "lastTransitionTime": since or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
