"""A person who goes takes their cart along.

Without a database there is no inbox, and none is needed: a cart that is deleted twice is deleted.
"""

import asyncio
from typing import Any

import structlog
from shop_chassis.cache import CacheUnavailable
from shop_chassis.events import Bus, BusError, Delivery, Event, MalformedEventError, Subscription
from shop_chassis.problems import Problem
from shop_contracts.user.events import ERASED, STREAM

from shop_cart.store import CartStore, user_cart

log = structlog.get_logger(__name__)

PAUSE = 2.0
"""Seconds until a broker or cache that is away is tried again."""


class Erasure:
    """Shows what is held about a person, and removes it when user says that the person has gone."""

    def __init__(self, carts: CartStore, bus: Bus) -> None:
        self._carts = carts
        self._bus = bus

    async def export(self, subject: str) -> dict[str, Any]:
        """The cart of one person, as JSON; {} without one. Raises Problem 503."""
        try:
            cart = await self._carts.held(user_cart(subject))
        except CacheUnavailable as error:
            raise Problem(503, "carts cannot be read now", headers={"Retry-After": "2"}) from error
        return {} if cart is None else {"cart": cart.model_dump(mode="json", exclude={"keys"})}

    async def erase(self, _session: object, subject: str) -> None:
        """Removes it. Raises CacheUnavailable."""
        await self._carts.forget(user_cart(subject), None)

    async def run(self) -> None:
        """Follows user's events for ever, together with all other replicas."""
        subscription = await self._subscribed()
        try:
            while True:
                for delivery in await subscription.fetch(8):
                    try:
                        await self._answer(delivery)
                    except BusError as error:  # the broker never heard it, so it will deliver again
                        log.warning("answer lost", error=str(error))
        finally:
            await subscription.close()

    async def _subscribed(self) -> Subscription:
        said = ""
        while True:
            try:
                return await self._bus.subscribe(STREAM, "cart", [f"{STREAM}.{ERASED}"])
            except BusError as error:
                if str(error) != said:
                    log.info("cannot hear yet who is erased", error=str(error))
                said = str(error)
                await asyncio.sleep(PAUSE)

    async def _answer(self, delivery: Delivery) -> None:
        try:
            event = Event.decode(delivery.message.body)
            await self.erase(None, event.subject)
        except MalformedEventError as error:
            log.error("an event of user is unreadable", number=delivery.message.number, error=str(error))
            await delivery.term()
        except CacheUnavailable as error:
            log.warning("a cart could not be erased yet", error=str(error))
            await delivery.nak(PAUSE)
        else:
            await delivery.ack()
