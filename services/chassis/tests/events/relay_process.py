"""A relay as a process of its own, for tests that kill it: `relay_process.py DATABASE_URL EVENTS_URL DIE_AT`.

At publish number DIE_AT (0: never) the process dies: the broker has the event, the outbox does not know.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from shop_chassis.events import Outbox, Relay
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.events.metrics import OutboxMetrics
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from sqlalchemy import MetaData


class Deadly(NatsBus):
    left = 0

    async def publish(
        self, topic: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        await super().publish(topic, body, message_id=message_id, headers=headers)
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(database_url: str, events_url: str, die_at: int) -> None:
    bus = Deadly(events_url, name="relay")
    bus.left = die_at
    await bus.start()
    store = Store(Settings(database_url=database_url), "catalog")
    await Relay(Outbox(MetaData(), "catalog"), store, bus, OutboxMetrics(CollectorRegistry())).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
