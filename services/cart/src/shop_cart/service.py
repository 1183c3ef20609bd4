"""How the cart service is put together."""

from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.cache import Cache, CacheUnavailable
from shop_chassis.cache.binding import open_cache
from shop_chassis.client import Policy, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events.service import bus_of
from shop_chassis.runtime import Background, Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings

from shop_cart.api import internal_router, router, wishes_router
from shop_cart.catalog import Catalog
from shop_cart.erasure import Erasure
from shop_cart.store import CartStore
from shop_cart.told import Told


class CartSettings(Settings):
    """Those of the chassis, and where catalog is."""

    catalog_url: HttpUrl
    catalog_timeout: float = Field(default=0.5, gt=0)
    """Seconds. A shopper waits for this answer: what is remembered is better than a late one."""


def setup(runtime: Runtime[Any]) -> None:
    """Ready when the cache answers; catalog's absence is no reason not to be."""
    settings: CartSettings = runtime.settings
    cache = runtime.add(open_cache(settings))
    # An attempt that hangs leaves time for another, which may reach another pod.
    policy = Policy(timeout=settings.catalog_timeout, attempt_timeout=0.6 * settings.catalog_timeout)
    client = callee(runtime, "catalog", settings.catalog_url, policy=policy)
    runtime.ready_when("cache", lambda: _problem(cache))
    told = Told(bus_of(runtime))
    carts = CartStore(cache, told.changed)
    erasure = Erasure(carts, bus_of(runtime))
    personal = PersonalData(export=erasure.export, erase=erasure.erase)
    for each in (carts, Catalog(client, cache), personal):
        runtime.provide(each)
    for background in (Background("erasure", erasure.run), Background("news of carts", told.run)):
        runtime.add(background)
        runtime.ready_when(background.name, background.problem)


async def _problem(cache: Cache) -> str | None:
    try:
        await cache.ping()
    except CacheUnavailable as error:
        return str(error)
    return None


service = Service(
    name="cart",
    title="Carts of guests and users",
    routers=[router, internal_router, wishes_router, personal_data("user")],
    settings=CartSettings,
    setup=setup,
)
