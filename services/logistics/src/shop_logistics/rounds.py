"""Delivery routes: planned once a day for each zone, and again when something was dispatched since."""

from datetime import date
from typing import cast
from uuid import UUID

from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.logistics import api
from sqlalchemy import Table, select
from sqlmodel import col

from shop_logistics.routes import plan
from shop_logistics.shipments import Unknown
from shop_logistics.tables import Route, Shipment, Zone

MOST = 500
"""Stops of one route: what comes after has to go the next day, or the zone has to be divided."""


class Rounds:
    """The routes that were planned."""

    def __init__(self, store: Store, depot: str) -> None:
        """`depot`: the postal code where every route begins."""
        self._store = store
        self._depot = depot

    async def plan(self, zone: str, day: date) -> api.Route:
        """A route of what was dispatched on that day and is not there yet, in place of one planned before.

        Raises Unknown.
        """
        on_the_way = (
            select(Shipment)
            .where(
                col(Shipment.zone) == zone,
                col(Shipment.dispatched_on) == day,
                col(Shipment.state).in_(("dispatched", "in_transit")),
            )
            .order_by(col(Shipment.created_at), col(Shipment.order_id))
            .limit(MOST)
        )
        table = cast(Table, Route.__table__)  # type: ignore[attr-defined]
        async with self._store.transaction() as session:
            if await session.get(Zone, zone) is None:
                raise Unknown(f"there is no zone {zone}")
            stops = plan(self._depot, [_stop(row) for row in (await session.execute(on_the_way)).scalars()])
            planned = {"stops": [str(stop.order_id) for stop in stops], "planned_at": utc_now()}
            statement = insert(session, table).values(zone=zone, day=day, **planned)
            await session.execute(
                statement.on_conflict_do_update(index_elements=[table.c.zone, table.c.day], set_=planned)
            )
        return api.Route(zone=zone, day=day, stops=stops, planned_at=planned["planned_at"])

    async def read(self, zone: str, day: date) -> api.Route:
        """As it was planned, with the addresses of now. Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Route, (zone, day))
            if row is None:
                raise Unknown(f"no route of zone {zone} is planned for {day}")
            order = [UUID(order_id) for order_id in row.stops]
            query = select(Shipment).where(col(Shipment.order_id).in_(order))
            found = {shipment.order_id: shipment for shipment in (await session.execute(query)).scalars()}
        stops = [_stop(found[order_id]) for order_id in order]
        return api.Route(zone=zone, day=day, stops=stops, planned_at=row.planned_at)


def _stop(row: Shipment) -> api.Stop:
    address = row.address or {}  # its owner has been forgotten since
    return api.Stop(
        order_id=row.order_id,
        postal_code=address.get("postal_code", ""),
        city=address.get("city", ""),
        tracking_number=row.tracking_number or "",
    )
