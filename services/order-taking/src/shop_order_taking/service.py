"""How order-taking is put together."""

from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.client import Policy, ServiceClient, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.user import events as user

from shop_order_taking import admin, api
from shop_order_taking.neighbours import Neighbours
from shop_order_taking.orders import Orders, erase
from shop_order_taking.tables import inbox, metadata, outbox
from shop_order_taking.taking import Taking
from shop_order_taking.taxtable import TaxTable


class OrderTakingSettings(Settings):
    """Those of the chassis, and where the neighbours are. Timeouts are in seconds, for one question."""

    cart_url: HttpUrl
    catalog_url: HttpUrl
    warehouse_url: HttpUrl
    logistics_url: HttpUrl
    cart_timeout: float = Field(default=1.0, gt=0)
    catalog_timeout: float = Field(default=1.0, gt=0)
    logistics_timeout: float = Field(default=1.0, gt=0)
    warehouse_timeout: float = Field(default=0.5, gt=0)
    """Shorter: without this answer the order is taken all the same."""


def setup(runtime: Runtime[Any]) -> None:
    """Ready when its own database is; a neighbour's absence is answered for each request."""
    settings: OrderTakingSettings = runtime.settings

    def neighbour(name: str, url: HttpUrl, timeout: float) -> ServiceClient:
        # An attempt that hangs leaves time for another, which may reach another pod.
        return callee(runtime, name, url, policy=Policy(timeout=timeout, attempt_timeout=0.6 * timeout))

    orders = Orders(runtime.store, outbox)
    taxes = TaxTable(runtime.store)
    neighbours = Neighbours(
        cart=neighbour("cart", settings.cart_url, settings.cart_timeout),
        catalog=neighbour("catalog", settings.catalog_url, settings.catalog_timeout),
        warehouse=neighbour("warehouse", settings.warehouse_url, settings.warehouse_timeout),
        logistics=neighbour("logistics", settings.logistics_url, settings.logistics_timeout),
    )
    runtime.provide(taxes)
    runtime.provide(Taking(neighbours, taxes, orders))
    person = PersonalData(export=orders.export, erase=erase)
    runtime.provide(person)
    events = Events(runtime, "order-taking")
    events.publish(outbox)
    events.consume(user.STREAM, [person.on_erased], inbox=inbox, needed=False)


service = Service(
    "order-taking",
    title="Order taking",
    routers=[api.router, admin.router, personal_data("user")],
    migrations=Migrations("shop_order_taking.migrations", metadata),
    settings=OrderTakingSettings,
    setup=setup,
)
