"""Labels of the parcels that there are."""

from uuid import UUID

from shop_chassis.store import Store
from shop_contracts.address import Address
from sqlalchemy import select
from sqlmodel import col

from shop_logistics.labels import Label
from shop_logistics.shipments import Unknown
from shop_logistics.tables import Carrier, Return, Shipment


class Labels:
    """What is written on a parcel, from what is stored of it."""

    def __init__(self, store: Store, depot: Address) -> None:
        """`depot`: where shipments come from and returns go to."""
        self._store = store
        self._depot = depot

    async def of_shipment(self, order_id: UUID) -> Label:
        """Raises Unknown, also when the address is known no more."""
        query = (
            select(Shipment, Carrier)
            .join(Carrier, col(Shipment.carrier) == col(Carrier.id))
            .where(col(Shipment.order_id) == order_id)
        )
        async with self._store.session() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None or row[0].address is None:
            raise Unknown(f"there is no address for order {order_id}")
        shipment, carrier = row[0], row[1]
        weight = sum(line["quantity"] * line["weight_grams"] for line in shipment.lines)
        return Label(
            heading=(shipment.option or "").replace("-", " ").upper(),
            carrier=carrier.title,
            tracking_number=shipment.tracking_number or "",
            to=Address.model_validate(shipment.address),
            sender=self._depot,
            note=f"{weight / 1000:.2f} kg · {order_id}",
        )

    async def of_return(self, order_id: UUID, return_id: UUID, subject: str) -> Label:
        """Raises Unknown, also when it is not the subject's."""
        query = (
            select(Return, Shipment, Carrier)
            .join(Shipment, col(Return.order_id) == col(Shipment.order_id))
            .join(Carrier, col(Return.carrier) == col(Carrier.id))
            .where(
                col(Return.return_id) == return_id,
                col(Shipment.order_id) == order_id,
                col(Shipment.subject) == subject,
            )
        )
        async with self._store.session() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise Unknown("there is no such return")
        back, shipment, carrier = row[0], row[1], row[2]
        return Label(
            heading="RETURN",
            carrier=carrier.title,
            tracking_number=back.tracking_number,
            to=self._depot,
            sender=Address.model_validate(shipment.address) if shipment.address else None,
            note=str(return_id),
        )
