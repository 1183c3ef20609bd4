"""When the Deployment may move to a new image."""

from typing import Any

import pytest
from shop_operator.api import parse
from shop_operator.engine.rollout import gate

READY = {
    "kind": "StatefulSet",
    "metadata": {"generation": 1},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 1, "readyReplicas": 1},
}
STARTING: dict[str, Any] = {**READY, "status": {}}


def shop(migrated: str = "", **spec: Any) -> Any:
    status = {"migratedImage": migrated} if migrated else {}
    return parse(
        {
            "metadata": {"name": "cart"},
            "spec": {"image": "x:2", "database": {}, "migrations": {"args": ["migrate"]}, **spec},
            "status": status,
        }
    )


def job(end: str | None = None) -> dict[str, Any]:
    conditions = [{"type": end, "status": "True"}] if end else []
    return {"kind": "Job", "metadata": {}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("migrated", "found", "database", "phase", "recorded"),
    [
        ("", None, None, "WaitingForDatabase", None),
        ("", None, STARTING, "WaitingForDatabase", None),
        ("", None, READY, "Migrating", None),
        ("", job(), READY, "Migrating", None),
        ("", job("Complete"), READY, "Open", "x:2"),
        ("x:1", job("Failed"), READY, "MigrationFailed", "x:1"),
        ("x:1", None, READY, "Migrating", "x:1"),
        ("x:2", None, STARTING, "Open", "x:2"),
        # A new, empty database: what was recorded of the one before does not count.
        ("x:2", None, None, "WaitingForDatabase", None),
    ],
)
def test_phases(migrated: str, found: Any, database: Any, phase: str, recorded: str | None) -> None:
    result = gate(shop(migrated), found, database)
    assert (result.phase, result.migrated_image) == (phase, recorded)
    assert result.deployment == (phase == "Open")


def test_without_migrations_nothing_is_held() -> None:
    assert gate(parse({"metadata": {"name": "cart"}, "spec": {"image": "x:1"}}), None, None).deployment
