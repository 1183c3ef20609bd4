"""Wakes a worker where none runs: what waits in the database is no event by itself.

The worker goes away when no event waits; what was held back for the morning, or is to be tried again, would
lie there. So the API looks now and then, and tells it by an event, which is what the autoscaler counts.
"""

from datetime import datetime, timedelta

from prometheus_client import Gauge
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import Table

from shop_notification.campaigns import wake_worker
from shop_notification.queue import next_due
from shop_notification.tables import CAMPAIGN, DELIVERY, MESSAGE

EVERY = 15.0
"""Seconds between two looks."""
PATIENCE = timedelta(seconds=10)
"""A worker that runs takes it before that."""
AGAIN = timedelta(seconds=60)
"""Between two events; a pod needs some time to come."""
TABLES: tuple[Table, ...] = (MESSAGE, DELIVERY, CAMPAIGN)


class Overdue:
    """The job; one replica runs it."""

    def __init__(self, store: Store, age: Gauge) -> None:
        """`age`: how long the oldest is overdue, in seconds."""
        self._store = store
        self._age = age
        self._told_at: datetime | None = None

    async def run(self) -> None:
        """Looks once."""
        async with self._store.session() as session:
            due = [found for table in TABLES if (found := await next_due(session, table))]
        now = utc_now()
        late = now - min(due, default=now)
        self._age.set(max(0.0, late.total_seconds()))
        if late < PATIENCE or (self._told_at and now - self._told_at < AGAIN):
            return
        async with self._store.transaction() as session:
            await wake_worker(session)
        self._told_at = now
