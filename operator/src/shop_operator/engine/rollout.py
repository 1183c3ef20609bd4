"""When the migration Job may run and the Deployment may move: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from shop_operator.api import ShopService
from shop_operator.children.database import dedicated
from shop_operator.children.migration import job_name
from shop_operator.status.health import health

Manifest = dict[str, Any]
Phase = Literal["Open", "WaitingForDatabase", "Migrating", "MigrationFailed"]


@dataclass(frozen=True, slots=True)
class Gate:
    """What may be applied now, and why the rest has to wait."""

    phase: Phase
    # The image whose schema the database has, to be recorded: the Job is removed some time after it ends.
    migrated_image: str | None = None
    job: str = ""

    @property
    def deployment(self) -> bool:
        """Whether the Deployment may move to the image of the spec."""
        return self.phase == "Open"

    @property
    def migration(self) -> bool:
        """Whether the migration Job may be created."""
        return self.phase in ("Migrating", "MigrationFailed")


def gate(shop: ShopService, job: Manifest | None, database: Manifest | None, *, bound: bool = True) -> Gate:
    """The gate of a ShopService whose migration Job and database StatefulSet are these, or not there.

    `bound` says whether the Secret of an external database is complete, or a shared one ready.
    """
    name = job_name(shop)
    if name is None:
        return Gate("Open")
    # A database that is not there has no schema, whatever was recorded of the one before.
    kept = dedicated(shop) is not None
    fresh = kept and database is None
    recorded = None if fresh else shop.status.migrated_image
    if recorded == shop.spec.image:
        return Gate("Open", recorded, name)
    if job is not None and not fresh:
        state = health(job)
        if state.reason == "Complete":
            return Gate("Open", shop.spec.image, name)
        if state.reason == "Failed":
            return Gate("MigrationFailed", recorded, name)
    ready = health(database).ready if kept else bound or shop.spec.database is None
    if not ready:
        return Gate("WaitingForDatabase", recorded, name)
    return Gate("Migrating", recorded, name)
