"""Sends what is due, and writes down what became of it.

How often a mail is sent: once, or not at all. Before its last byte the delivery is marked as handed over, in
a transaction of its own. A failure before that is certain, and the mail is tried again. After it, when the
server's answer is lost, or this process dies, the state is `unknown`: it is not sent again, an administrator
sees it, and a report of the provider, or a person, decides. Mails of an account are the exception: without
one nobody gets in, so they are sent again, under the same Message-ID.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from prometheus_client import Counter
from shop_chassis.events.retry import delay
from shop_chassis.store import Store, first_line, unavailable
from shop_chassis.tables import utc_now
from shop_contracts.notification.api import Channel
from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import messages, queue, suppressions
from shop_notification.channels import Later, Outcome, Parcel, Refused, Sent, Unknown, Way
from shop_notification.loop import try_later
from shop_notification.packing import Packer, Unwanted
from shop_notification.tables import DELIVERY, MESSAGE

log = structlog.get_logger(__name__)

RECORD_SECONDS = 20.0
"""For the database to come back, the outcome being kept."""
INTERRUPTED = "the worker ended between the mail's last byte and the server's answer"


class Lost(Exception):  # noqa: N818 - named for what it says
    """The lease ran out: the delivery is somebody else's."""


class Sender:
    """Work on the table of deliveries."""

    table = DELIVERY

    def __init__(
        self,
        store: Store,
        packer: Packer,
        ways: Mapping[Channel, Way],
        counter: Counter,
        *,
        lease: timedelta,
    ) -> None:
        """`counter` has the labels `channel` and `outcome`; `lease` is longer than any try takes."""
        self._store = store
        self._packer = packer
        self._ways = ways
        self._counter = counter
        self._lease = lease

    async def take(self, session: AsyncSession, now: datetime, room: int) -> Sequence[RowMapping]:
        """As the protocol says; what was handed over and whose lease ran out is not taken again."""
        await session.execute(
            update(DELIVERY)
            .where(DELIVERY.c.due_at <= now, DELIVERY.c.handed_at.is_not(None), DELIVERY.c.kind != "account")
            .values(state="unknown", due_at=None, reason=INTERRUPTED)
        )
        return await queue.take(session, DELIVERY, now, room=room, lease=self._lease, state="sending")

    async def work(self, row: RowMapping) -> None:
        """Sends it, unless nobody wants it any more."""
        try:
            parcel = await self._packer.pack(row)
        except Unwanted as reason:
            await self._record(row, reason)
            return
        try:
            outcome = await self._ways[row["channel"]].send(parcel, partial(self._hand_over, row))
        except Lost:
            log.warning("the lease ran out before the mail was sent", delivery=str(row["id"]))
            return
        except Exception as error:  # whatever it was, nothing was handed over
            outcome = Later(f"could not be written down: {first_line(error)}")
        await self._record(row, outcome, parcel)

    async def postpone(self, session: AsyncSession, row: RowMapping, until: datetime, reason: str) -> None:
        """As the protocol says."""
        await queue.keep(session, DELIVERY, row, state="waiting", due_at=until, handed_at=None, reason=reason)

    async def give_up(self, session: AsyncSession, row: RowMapping, reason: str) -> None:
        """As the protocol says."""
        await queue.keep(session, DELIVERY, row, state="failed", due_at=None, reason=reason)

    async def _hand_over(self, row: RowMapping) -> None:
        """Raises Lost, and what the database raises: then nothing is handed over."""
        now = utc_now()
        async with self._store.transaction() as session:
            if not await queue.keep(session, DELIVERY, row, handed_at=now, due_at=now + self._lease):
                raise Lost

    async def _record(
        self, row: RowMapping, outcome: Outcome | Unwanted, parcel: Parcel | None = None
    ) -> None:
        """Keeps at it while the database is away: what is known here nobody else can find out."""
        deadline, failures = utc_now() + timedelta(seconds=RECORD_SECONDS), 0
        while True:
            try:
                async with self._store.transaction() as session:
                    await self._write(session, row, outcome, parcel)
                break
            except Exception as error:
                if not unavailable(error) or utc_now() > deadline:
                    raise
                failures += 1
                log.warning("outcome not written yet", delivery=str(row["id"]), error=first_line(error))
                await asyncio.sleep(delay(failures, most=2.0))
        self._counter.labels(row["channel"], type(outcome).__name__.lower()).inc()

    async def _write(
        self, session: AsyncSession, row: RowMapping, outcome: Outcome | Unwanted, parcel: Parcel | None
    ) -> None:
        match outcome:
            case Sent():
                await self._sent(session, row, parcel)
            case Later(reason):
                await try_later(session, self, row, reason)
            case Refused(reason, no_such_address):
                await queue.keep(session, DELIVERY, row, state="failed", due_at=None, reason=reason)
                if no_such_address and parcel:
                    await suppressions.suppress(session, parcel.to, suppressions.EVERYTHING, reason)
            case Unknown(reason) if row["kind"] == "account":
                await try_later(session, self, row, reason)
            case Unknown(reason):
                await queue.keep(session, DELIVERY, row, state="unknown", due_at=None, reason=reason)
            case Unwanted():
                await queue.keep(
                    session, DELIVERY, row, state=outcome.state, due_at=None, reason=str(outcome)
                )

    async def _sent(self, session: AsyncSession, row: RowMapping, parcel: Parcel | None) -> None:
        # That it was taken is so, whoever has the lease by now.
        told = await session.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id == row["id"], DELIVERY.c.sent_at.is_(None))
            .values(state="sent", due_at=None, sent_at=utc_now(), reason=None)
            .returning(DELIVERY.c.subject)
        )
        if (now := told.first()) is None:
            return
        if row["kind"] == "account":  # tokens are secrets, and have served
            await session.execute(update(MESSAGE).where(MESSAGE.c.id == row["message_id"]).values(data={}))
        template = (
            await session.execute(select(MESSAGE.c.template).where(MESSAGE.c.id == row["message_id"]))
        ).scalar_one()
        address = parcel.to if parcel else row["address"]
        await messages.tell_sent(session, row["message_id"], now.subject, address, row["channel"], template)
