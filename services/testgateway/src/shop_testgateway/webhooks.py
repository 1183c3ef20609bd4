"""Sends webhooks until they are taken: in any order, again after a failure, on after a restart."""

import asyncio
import random
import time
from contextlib import suppress
from datetime import timedelta

import httpx
import structlog
from shop_chassis.store import DATABASE_ERRORS, Store, first_line
from shop_chassis.tables import utc_now
from shop_contracts.signature import sign
from shop_contracts.testgateway.api import SIGNATURE_HEADER
from sqlalchemy import func, select, update

from shop_testgateway.tables import Delivery

log = structlog.get_logger(__name__)

AT_ONCE = 8
POLL = 5.0
"""Seconds after which due webhooks are looked for without having been told to."""
LONGEST_PAUSE = 60.0
TRIES = 100
"""More than an hour and a half; then a webhook is given up."""
ANSWER_SECONDS = 5.0


class Webhooks:
    """One per gateway."""

    def __init__(
        self, store: Store, url: str, secret: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`transport` replaces the network."""
        self._store = store
        self._url = url
        self._secret = secret
        self._transport = transport
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Sends for ever."""
        async with httpx.AsyncClient(
            timeout=ANSWER_SECONDS, trust_env=False, transport=self._transport
        ) as http:
            while True:
                self._wake.clear()
                try:
                    pause = await self._send_due(http)
                except DATABASE_ERRORS as error:
                    log.warning("webhooks unreadable", error=first_line(error))
                    pause = POLL
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()

    async def _send_due(self, http: httpx.AsyncClient) -> float:
        """Sends all that is due; the seconds until there is more."""
        due = Delivery.due_at
        while True:
            async with self._store.session() as session:
                query = select(Delivery).where(due <= utc_now()).order_by(due).limit(AT_ONCE)  # type: ignore[operator, arg-type]
                rows = (await session.execute(query)).scalars().all()
                following = (await session.execute(select(func.min(due)))).scalar_one()
            if not rows:
                left = POLL if following is None else (following - utc_now()).total_seconds()
                return min(max(left, 0.0), POLL)
            await asyncio.gather(*(self._send(http, row) for row in rows))

    async def _send(self, http: httpx.AsyncClient, row: Delivery) -> None:
        body = row.body.encode()
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(self._secret, int(time.time()), body),
        }
        try:
            answer = await http.post(self._url, content=body, headers=headers)
            problem = None if answer.is_success else f"answered {answer.status_code}"
        except httpx.HTTPError as error:
            problem = type(error).__name__
        now, tries = utc_now(), row.tries + 1
        if problem is None:
            values: dict[str, object] = {"due_at": None, "delivered_at": now, "tries": tries}
        else:
            log.info("webhook not taken", event_id=row.event_id, tries=tries, problem=problem)
            pause = min(LONGEST_PAUSE, 0.25 * 2 ** min(tries, 10)) * random.uniform(0.5, 1.0)
            values = {"due_at": now + timedelta(seconds=pause) if tries < TRIES else None, "tries": tries}
        async with self._store.transaction() as session:
            await session.execute(update(Delivery).where(Delivery.id == row.id).values(**values))  # type: ignore[arg-type]
