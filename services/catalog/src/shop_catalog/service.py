"""How catalog is put together."""

from typing import Any

from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service

from shop_catalog import admin, api
from shop_catalog.products import Products
from shop_catalog.tables import metadata, outbox


def setup(runtime: Runtime[Any]) -> None:
    """Products for the handlers, a relay for their events."""
    runtime.provide(Products(runtime.store, outbox))
    Events(runtime, "catalog").publish(outbox)


service = Service(
    "catalog",
    title="Catalog",
    routers=[api.router, admin.router],
    migrations=Migrations("shop_catalog.migrations", metadata),
    setup=setup,
)
