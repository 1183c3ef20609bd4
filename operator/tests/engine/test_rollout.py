"""When the Deployment may move to a new image."""

from typing import Any

import pytest
from shop_operator.api import parse
from shop_operator.children.migration import job_name
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
        ("x:1", None, STARTING, "WaitingForDatabase", "x:1"),
        ("", None, READY, "Migrating", None),
        ("", job(), READY, "Migrating", None),
        ("", job("Complete"), READY, "Open", "x:2"),
        ("x:1", job("Failed"), READY, "MigrationFailed", "x:1"),
        ("x:1", None, READY, "Migrating", "x:1"),
        ("x:2", None, STARTING, "Open", "x:2"),
        # A new, empty database: what was recorded of the one before does not count.
        ("x:2", None, None, "WaitingForDatabase", None),
        ("x:2", job("Complete"), None, "WaitingForDatabase", None),
    ],
)
def test_phases(migrated: str, found: Any, database: Any, phase: str, recorded: str | None) -> None:
    result = gate(shop(migrated), found, database)
    assert (result.phase, result.migrated_image) == (phase, recorded)
    assert result.deployment == (phase == "Open")
    assert result.migration == phase.startswith("Migrat")
    assert result.job == job_name(shop())


def test_without_migrations_nothing_is_held() -> None:
    assert gate(parse({"metadata": {"name": "cart"}, "spec": {"image": "x:1"}}), None, None).deployment


def test_an_external_database_is_waited_for_until_its_secret_is_complete() -> None:
    external = shop("x:1", database={"mode": "external", "external": {"secretName": "theirs"}})
    assert gate(external, None, None, bound=False).phase == "WaitingForDatabase"
    found = gate(external, None, None, bound=True)
    assert (found.phase, found.migrated_image) == ("Migrating", "x:1")
    # It has its schema whether it is seen or not.
    assert gate(shop("x:2", database=external.spec.database.model_dump(by_alias=True, exclude_none=True)),
                None, None, bound=False).phase == "Open"  # fmt: skip


def test_migrations_without_a_database_wait_for_nothing() -> None:
    assert gate(shop(database=None), None, None, bound=False).phase == "Migrating"
