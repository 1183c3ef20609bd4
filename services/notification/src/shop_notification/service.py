"""How the notification service is put together: a worker, without an API."""

from typing import Any

from pydantic import Field
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.catalog.events import STREAM as CATALOG

from shop_notification.events import FROM_CATALOG
from shop_notification.store import INBOX, METADATA


class NotificationSettings(Settings):
    """The chassis's, and how much of its neighbours the worker may use."""

    concurrency: int = Field(default=8, ge=1, le=100)
    """Events handled at a time, per pod."""
    events_per_second: float | None = Field(default=None, gt=0)
    """At most so many, per pod; unset for no limit."""


def setup(runtime: Runtime[Any]) -> None:
    """Follows catalog."""
    settings: NotificationSettings = runtime.settings
    Events(runtime, "notification").consume(
        CATALOG,
        FROM_CATALOG,
        inbox=INBOX,
        concurrency=settings.concurrency,
        rate=settings.events_per_second,
    )


service = Service(
    name="notification",
    title="Notification",
    migrations=Migrations("shop_notification.migrations", METADATA),
    settings=NotificationSettings,
    setup=setup,
)
