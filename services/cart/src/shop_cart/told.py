"""Tells others what is in a cart now: best effort, since no shopper waits for a broker.

What waits to be told is bounded; while the broker is away for long, the oldest news is dropped.
"""

import asyncio
from collections import deque
from hashlib import blake2b

import structlog
from shop_chassis.events import Bus, BusError, Event
from shop_chassis.tables import utc_now
from shop_contracts.cart.events import CART_UPDATED, STREAM, CartUpdated

from shop_cart.domain import StoredCart
from shop_cart.store import Ref

log = structlog.get_logger(__name__)

MOST = 1000
"""Carts of which there may be news at a time."""
STREAM_SECONDS = 7 * 86400.0
PAUSE = 2.0
"""Seconds until a broker that is away is tried again."""


def event_of(ref: Ref, cart: StoredCart) -> Event:
    """The event that a cart has this content now."""
    now = utc_now()
    name = (
        ref.subject if ref.implicit and ref.subject else blake2b(ref.key.encode(), digest_size=12).hexdigest()
    )
    told = CartUpdated(
        cart=name, user=ref.subject, quantities={line.product_id: line.quantity for line in cart.lines}
    )
    return Event(
        source=f"/{STREAM}",
        type=CART_UPDATED,
        subject=name,
        sequence=int(now.timestamp() * 1_000_000),
        time=now,
        data=told.model_dump(mode="json"),
    )


class Told:
    """News of carts, published in the background in the order of the changes."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._news: deque[Event] = deque(maxlen=MOST)
        self._wake = asyncio.Event()

    def changed(self, ref: Ref, cart: StoredCart) -> None:
        """Returns at once."""
        self._news.append(event_of(ref, cart))
        self._wake.set()

    async def run(self) -> None:
        """Publishes for ever."""
        known, said = False, ""
        while True:
            await self._wake.wait()
            try:
                if not known:
                    await self._bus.ensure_stream(STREAM, max_age=STREAM_SECONDS)
                    known = True
                while self._news:
                    event = self._news[0]
                    await self._bus.publish(event.topic, event.encode(), message_id=event.id)
                    if self._news and self._news[0] is event:  # it may have been dropped meanwhile
                        self._news.popleft()
                self._wake.clear()
                said = ""
            except BusError as error:
                if str(error) != said:
                    log.info("cannot tell yet what is in carts", error=str(error))
                known, said = False, str(error)
                await asyncio.sleep(PAUSE)
