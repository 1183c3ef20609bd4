"""Goods that come back: to stock again, or written off; never more than was shipped."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.warehouse import api
from sqlalchemy import select
from sqlmodel import col

from shop_warehouse.refusals import Refused, too_little
from shop_warehouse.reservations import lines_of, locked_reservation
from shop_warehouse.rules import homes
from shop_warehouse.shelves import shelves
from shop_warehouse.tables import GoodsReturn, metadata


class Returns:
    """What came back."""

    def __init__(self, store: Store, outbox: Outbox, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def receive(self, id: UUID, request: api.ReturnRequest) -> tuple[api.Return, bool]:
        """The return and whether it is new: the same again finds what it made. Raises Unknown, Refused."""
        now = self._clock()
        asked = _asked(request)
        async with self._store.transaction() as session:
            order = await locked_reservation(session, request.order_id)  # returns of one order, one by one
            there = await session.get(GoodsReturn, id)
            if there is not None:
                if there.request != asked:
                    raise _different(id)
                return _return(there), False
            if order.state != "shipped":
                raise Refused(
                    api.ILLEGAL_STATE,
                    f"expected goods of an order that was shipped, found one that is {order.state}",
                    state=order.state,
                )
            shipped = await lines_of(session, request.order_id)
            earlier = (
                await session.execute(
                    select(GoodsReturn).where(col(GoodsReturn.order_id) == request.order_id)
                )
            ).scalars()
            _check(request, shipped, [line for row in earlier for line in _return(row).lines])
            home = homes(shipped)
            lines = [
                api.ReturnedLine(**line, warehouse=home[UUID(line["product_id"])]) for line in asked["lines"]
            ]
            values = {
                "id": id,
                "order_id": request.order_id,
                "request": asked,
                "lines": [line.model_dump(mode="json") for line in lines],
                "received_at": now,
            }
            table = metadata.tables["goods_return"]
            new = insert(session, table).values(values).on_conflict_do_nothing().returning(table.c.id)
            if (await session.execute(new)).scalar_one_or_none() is None:
                raise _different(id)  # of another order, at the same time
            async with shelves(session, self._outbox, home, now) as locked:
                for product, (back, broken) in _sums(lines).items():
                    locked.move(product, home[product], back, "return", str(id))
                    locked.move(product, home[product], -broken, "write_off", str(id))
        return api.Return(return_id=id, order_id=request.order_id, lines=lines, received_at=now), True


def _asked(request: api.ReturnRequest) -> dict[str, Any]:
    """What was asked for, written in one way only: by this two requests are compared."""
    count: dict[tuple[UUID, bool], int] = {}
    for line in request.lines:
        key = (line.product_id, line.resell)
        count[key] = count.get(key, 0) + line.quantity
    return {
        "order_id": str(request.order_id),
        "lines": [
            {"product_id": str(product), "quantity": quantity, "resell": resell}
            for (product, resell), quantity in sorted(count.items())
        ],
    }


def _sums(lines: list[api.ReturnedLine]) -> dict[UUID, tuple[int, int]]:
    """Of each product what came back, and what of it is written off."""
    count: dict[UUID, tuple[int, int]] = {}
    for line in lines:
        back, broken = count.get(line.product_id, (0, 0))
        count[line.product_id] = (back + line.quantity, broken + (0 if line.resell else line.quantity))
    return count


def _check(
    request: api.ReturnRequest, shipped: list[api.Allocation], earlier: list[api.ReturnedLine]
) -> None:
    left: dict[UUID, int] = {}
    for out in shipped:
        left[out.product_id] = left.get(out.product_id, 0) + out.quantity
    for back in earlier:
        left[back.product_id] -= back.quantity
    wanted: dict[UUID, int] = {}
    for line in request.lines:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    if over := [
        api.Shortage(product_id=product, wanted=quantity, available=left.get(product, 0))
        for product, quantity in sorted(wanted.items())
        if quantity > left.get(product, 0)
    ]:
        raise too_little(api.TOO_MANY_RETURNED, over)


def _different(id: UUID) -> Refused:
    return Refused(api.DIFFERENT_REQUEST, f"return {id} was received with another order or other lines")


def _return(row: GoodsReturn) -> api.Return:
    return api.Return(
        return_id=row.id,
        order_id=row.order_id,
        lines=[api.ReturnedLine.model_validate(line) for line in row.lines],
        received_at=row.received_at,
    )
