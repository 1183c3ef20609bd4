"""How warehouse is put together."""

from typing import Any

from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service

from shop_warehouse import admin, api, internal, snapshot
from shop_warehouse.inventory import Inventory
from shop_warehouse.replenishments import Replenishments
from shop_warehouse.reservations import Reservations
from shop_warehouse.returns import Returns
from shop_warehouse.tables import metadata, outbox
from shop_warehouse.takes import StockTakes

LAPSE_EVERY = 5.0
"""Seconds between two looks for holds whose time is over."""


def setup(runtime: Runtime[Any]) -> None:
    """What the handlers use, a relay for the events, and an end to holds that nobody commits."""
    reservations = Reservations(runtime.store, outbox)
    runtime.provide(reservations)
    for kind in (Inventory, Replenishments, Returns, StockTakes):
        runtime.provide(kind(runtime.store, outbox))
    Events(runtime, "warehouse").publish(outbox)
    runtime.add(Schedule("lapsed holds", LAPSE_EVERY, reservations.lapse_all, runtime))


service = Service(
    "warehouse",
    title="Warehouse",
    routers=[api.router, internal.router, snapshot.router, admin.router],
    migrations=Migrations("shop_warehouse.migrations", metadata),
    setup=setup,
)
