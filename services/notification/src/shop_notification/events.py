"""What other services' events do here: what there is to tell is noted, who somebody is remembered.

The event's inbox claim and the note are one transaction; a note's key makes a second one impossible, also
under another event id. Everything else follows later, by the worker.
"""

from collections.abc import Callable

from shop_chassis.erasure import PersonalData
from shop_chassis.events import Event, On
from shop_contracts.notification.events import WORK_DUE
from shop_contracts.order_processing import events as orders
from shop_contracts.user.events import MAIL_REQUESTED, REGISTERED, MailRequested
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import occasions, people
from shop_notification.deciding import Occasion
from shop_notification.messages import note


class Handlers:
    """Any order will do."""

    def __init__(self, personal: PersonalData, noted: Callable[[AsyncSession], None]) -> None:
        """`noted` is called in a transaction that notes something, to wake somebody once it is committed."""
        self._personal = personal
        self._noted = noted

    @property
    def of_orders(self) -> list[On]:
        """Of the stream `order-processing`."""
        return [On(type, self._order) for type in occasions.ORDERS]

    @property
    def of_users(self) -> list[On]:
        """Of the stream `user`."""
        return [
            On(MAIL_REQUESTED, self._mail),
            On(REGISTERED, self._registered),
            self._personal.on_erased,
        ]

    @property
    def of_wishlists(self) -> list[On]:
        """Of the stream `wishlist`."""
        return [On(PRICE_DROPPED, self._drop)]

    @property
    def of_our_own(self) -> list[On]:
        """Of the stream `notification`."""
        return [On(WORK_DUE, self._work_due)]

    async def _order(self, session: AsyncSession, event: Event) -> None:
        order = orders.OrderEvent.model_validate(event.data).order
        more: dict[str, object] = {}
        if event.type == orders.ORDER_RETURNED:
            returned = orders.OrderReturned.model_validate(event.data)
            more = occasions.returned(order, returned.return_id)
        elif event.type == orders.ORDER_REFUNDED:
            refunded = orders.OrderRefunded.model_validate(event.data)
            more = {"amount": refunded.amount.model_dump(mode="json")}
        elif event.type == orders.ORDER_CONFIRMED and order.subject:
            await people.ordered(session, order.subject, order.placed_at)
        if occasion := occasions.of_order(event.type, order, event.sequence, **more):
            await self._note(session, occasion)

    async def _mail(self, session: AsyncSession, event: Event) -> None:
        await self._note(session, occasions.of_mail(event.id, MailRequested.model_validate(event.data)))

    async def _registered(self, session: AsyncSession, event: Event) -> None:
        await people.met(session, event.subject)

    async def _drop(self, session: AsyncSession, event: Event) -> None:
        await self._note(session, occasions.of_drop(PriceDropped.model_validate(event.data), event.sequence))

    async def _work_due(self, session: AsyncSession, event: Event) -> None:
        self._noted(session)

    async def _note(self, session: AsyncSession, occasion: Occasion) -> None:
        if await note(session, occasion):
            self._noted(session)
