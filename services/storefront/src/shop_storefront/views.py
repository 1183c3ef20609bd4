"""`page.viewed`, told to the bus as pages are shown: best effort, and nobody waits for it."""

import asyncio
import re
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from shop_chassis.events.bus import Bus, BusError
from shop_chassis.events.event import Event
from shop_chassis.events.service import bus_of
from shop_chassis.runtime import Background, Runtime
from shop_chassis.tables import new_id, utc_now
from shop_contracts.storefront.events import PAGE_VIEWED, STREAM, PageViewed

log = structlog.get_logger(__name__)

_WAITING = 1000
_KEPT = 7 * 86400.0
_TRY_AGAIN = 10.0
_ROBOT = re.compile(r"bot\b|crawl|spider|slurp|preview|monitor|curl/|wget/|python-", re.IGNORECASE)


class Views:
    """Takes note of views; those that the broker does not take in time are dropped."""

    def __init__(self, runtime: Runtime[Any]) -> None:
        self._bus: Bus = bus_of(runtime)
        self._queue: asyncio.Queue[PageViewed] = asyncio.Queue(_WAITING)
        self._dropped = Counter(
            "storefront_views_dropped_total", "Page views that were not told", registry=runtime.metrics
        )
        runtime.add(Background("page views", self._run))

    def tell(
        self,
        *,
        page: str,
        visitor: str,
        subject: str | None,
        product_id: UUID | None,
        category: str | None,
        user_agent: str,
    ) -> None:
        """Somebody was shown a page. Robots that say so are not somebody."""
        if not user_agent or _ROBOT.search(user_agent[:300]):
            return
        view = PageViewed(
            subject=subject,
            visitor=visitor,
            product_id=product_id,
            category=category,
            page=page,
            at=utc_now(),
        )
        try:
            self._queue.put_nowait(view)
        except asyncio.QueueFull:
            self._dropped.inc()

    async def _run(self) -> None:
        await self._have_a_stream()
        while True:
            view = await self._queue.get()
            id = str(new_id())
            event = Event(
                id=id,
                source=f"/{STREAM}",
                type=PAGE_VIEWED,
                subject=id,
                sequence=1,
                data=view.model_dump(mode="json"),
            )
            try:
                await self._bus.publish(event.topic, event.encode(), message_id=event.id)
            except BusError as error:
                self._dropped.inc()
                log.warning("page views are not told", error=str(error))
                with suppress(BusError):
                    await self._bus.ensure_stream(STREAM, max_age=_KEPT)
                await asyncio.sleep(1)

    async def _have_a_stream(self) -> None:
        while True:
            try:
                return await self._bus.ensure_stream(STREAM, max_age=_KEPT)
            except BusError:
                await asyncio.sleep(_TRY_AGAIN)
