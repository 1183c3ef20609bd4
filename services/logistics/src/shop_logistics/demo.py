"""The demo carrier: what is dispatched moves on by itself, as if somebody drove it."""

from datetime import timedelta

import structlog
from shop_chassis.tables import utc_now

from shop_logistics.shipments import Shipments

log = structlog.get_logger(__name__)


class DemoCarrier:
    """Moves every parcel on by one hop after so many seconds in a state."""

    def __init__(self, shipments: Shipments, seconds_per_hop: float) -> None:
        self._shipments = shipments
        self._hop = timedelta(seconds=seconds_per_hop)

    async def drive(self) -> None:
        """One turn; what another replica or a report moved meanwhile is left alone."""
        since = utc_now() - self._hop
        for parcel in await self._shipments.resting(since):
            if await self._shipments.hop(parcel, since):
                log.info("moved on", order=str(parcel.order_id))
