"""How wishlist is put together."""

from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.client import Policy, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events, Patience
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Background, Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.catalog.events import STREAM as CATALOG
from shop_contracts.user.events import STREAM as USER
from shop_contracts.warehouse.events import STREAM as WAREHOUSE

from shop_wishlist import api
from shop_wishlist.items import Items
from shop_wishlist.lists import Lists
from shop_wishlist.moving import Moving
from shop_wishlist.people import People, erase
from shop_wishlist.products import FROM_CATALOG, FROM_WAREHOUSE
from shop_wishlist.snapshot import CONSUMER, beginning
from shop_wishlist.tables import inbox, metadata, outbox
from shop_wishlist.watches import Watches

PATIENCE = Patience(parkings=40)
"""About three minutes: what a replica that was killed had in hand comes again after half a minute, and those
after it must not be taken before."""


class WishlistSettings(Settings):
    """Those of the chassis, and where the neighbours are."""

    catalog_url: HttpUrl
    cart_url: HttpUrl
    cart_timeout: float = Field(default=2.0, gt=0)
    """Seconds; cart itself waits for catalog."""


def setup(runtime: Runtime[Any]) -> None:
    """Ready when its own database is: what it shows of products, it knows."""
    settings: WishlistSettings = runtime.settings
    # An attempt that hangs leaves time for another, which may reach another pod.
    policy = Policy(timeout=settings.cart_timeout, attempt_timeout=0.6 * settings.cart_timeout)
    cart = callee(runtime, "cart", settings.cart_url, policy=policy)
    catalog = callee(runtime, "catalog", settings.catalog_url)
    store = runtime.store
    items = Items(store)
    personal = PersonalData(export=People(store).export, erase=erase)
    for each in (Lists(store), items, Watches(store), Moving(items, cart), personal):
        runtime.provide(each)
    runtime.add(Background("snapshot of catalog", beginning(store, catalog).run))
    events = Events(runtime, CONSUMER)
    events.publish(outbox)
    events.consume(CATALOG, FROM_CATALOG, inbox=inbox, patience=PATIENCE, needed=False)
    events.consume(WAREHOUSE, FROM_WAREHOUSE, inbox=inbox, needed=False)
    events.consume(USER, [personal.on_erased], inbox=inbox, needed=False)


service = Service(
    "wishlist",
    title="Wishlists and watched prices",
    routers=[api.router, api.public, personal_data("user")],
    migrations=Migrations("shop_wishlist.migrations", metadata),
    settings=WishlistSettings,
    setup=setup,
)
