"""How the storefront is put together."""

from typing import Any

from shop_chassis.runtime import Runtime
from shop_chassis.service import Service

from shop_storefront import assets
from shop_storefront.assets import Assets
from shop_storefront.live import LivePages
from shop_storefront.routes import (
    account,
    admin,
    api,
    book,
    cart,
    checkout,
    entry,
    help,
    home,
    inbox,
    listing,
    live,
    media,
    ordering,
    orders,
    product,
    wishlists,
)
from shop_storefront.settings import StorefrontSettings
from shop_storefront.site import Site
from shop_storefront.streams import Streams


def setup(runtime: Runtime[Any]) -> None:
    """Pages come while neighbours, sessions and broker are away: readiness asks for none of them."""
    site = Site.of(runtime)
    runtime.provide(site)
    runtime.provide(site.assets, Assets)
    urls = {
        name: str(getattr(runtime.settings, f"{name.replace('-', '_')}_url")) for name in site.near.by_name()
    }
    runtime.provide(runtime.add(Streams(site.near, urls)))
    runtime.provide(LivePages(runtime, runtime.settings.live_pages))


service = Service(
    "storefront",
    title="The shop's public API",
    routers=[
        assets.router,
        media.router,
        api.router,
        home.router,
        listing.router,
        product.router,
        cart.router,
        entry.router,
        account.router,
        book.router,
        checkout.router,
        ordering.router,
        orders.router,
        wishlists.router,
        inbox.router,
        live.router,
        *admin.routers,
        help.router,
        help.last,
    ],
    settings=StorefrontSettings,
    setup=setup,
)
