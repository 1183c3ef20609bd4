"""What others tell: orders that were placed, news of payments and parcels, people who go."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from shop_chassis.events import Event, On
from shop_contracts.logistics import events as logistics
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from shop_contracts.payment import events as payment
from sqlalchemy.ext.asyncio import AsyncSession

from shop_order_processing.case import Case, Change, payment_changed, return_received, shipment_changed
from shop_order_processing.store import Orders, Unknown

PAYMENTS = (
    payment.PAYMENT_AUTHORISED,
    payment.PAYMENT_DECLINED,
    payment.PAYMENT_ACTION_REQUIRED,
    payment.PAYMENT_CAPTURED,
    payment.PAYMENT_VOIDED,
    payment.PAYMENT_REFUNDED,
)
SHIPMENTS = (
    logistics.SHIPMENT_ALLOCATED,
    logistics.SHIPMENT_DISPATCHED,
    logistics.SHIPMENT_IN_TRANSIT,
    logistics.SHIPMENT_DELIVERED,
    logistics.SHIPMENT_FAILED,
    logistics.SHIPMENT_CANCELLED,
    logistics.SHIPMENT_RETURNING,
    logistics.SHIPMENT_RETURNED,
)


class Handlers:
    """Any order will do: what comes late or twice changes nothing, by how a case learns."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    @property
    def of_orders(self) -> list[On]:
        """Of the stream `order-taking`."""
        return [On(ORDER_PLACED, self._placed)]

    @property
    def of_payments(self) -> list[On]:
        """Of the stream `payment`."""
        return [On(type, self._paid) for type in PAYMENTS]

    @property
    def of_shipments(self) -> list[On]:
        """Of the stream `logistics`."""
        return [*(On(type, self._sent) for type in SHIPMENTS), On(logistics.RETURN_RECEIVED, self._received)]

    async def _placed(self, session: AsyncSession, event: Event) -> None:
        await self._orders.place(session, OrderPlaced.model_validate(event.data))

    async def _paid(self, session: AsyncSession, event: Event) -> None:
        said = payment.PaymentChanged.model_validate(event.data).payment
        await self._news(session, UUID(said.order_id), lambda case, now: payment_changed(case, said, now))

    async def _sent(self, session: AsyncSession, event: Event) -> None:
        said = logistics.ShipmentChanged.model_validate(event.data).shipment
        await self._news(session, said.order_id, lambda case, now: shipment_changed(case, said, now))

    async def _received(self, session: AsyncSession, event: Event) -> None:
        said = logistics.ReturnReceived.model_validate(event.data)
        await self._news(session, said.order_id, lambda case, now: return_received(case, said.return_id, now))

    async def _news(
        self, session: AsyncSession, order: UUID, make: Callable[[Case, datetime], Change]
    ) -> None:
        with suppress(Unknown):  # neighbours act when they are asked from here, so it is nothing of ours
            await self._orders.change(session, order, make)
