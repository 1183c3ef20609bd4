"""What all pages share: made once, at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shop_chassis.cache.binding import open_cache
from shop_chassis.events import bus_of
from shop_chassis.runtime import Runtime

from shop_storefront.assets import Assets
from shop_storefront.fragments import Fragments
from shop_storefront.headers import page_headers
from shop_storefront.near.catalog import Catalog
from shop_storefront.near.clients import Neighbours
from shop_storefront.near.letters import Letters
from shop_storefront.near.recommendation import Recommending
from shop_storefront.near.search import Search
from shop_storefront.parts import Parts
from shop_storefront.sessions import Sessions
from shop_storefront.settings import StorefrontSettings
from shop_storefront.templating import Templates
from shop_storefront.tokens import Renewal
from shop_storefront.views import Views

if TYPE_CHECKING:
    from shop_storefront.near.cart import Carts


@dataclass(frozen=True)
class Site:
    """The storefront, apart from who looks at it."""

    settings: StorefrontSettings
    assets: Assets
    templates: Templates
    fragments: Fragments
    sessions: Sessions
    renewal: Renewal
    near: Neighbours
    parts: Parts
    catalog: Catalog
    search: Search
    recommending: Recommending
    carts: "Carts"
    views: Views
    letters: Letters
    headers: Mapping[str, str]
    """Of every page."""

    @classmethod
    def of(cls, runtime: Runtime[Any]) -> "Site":
        """Does no I/O."""
        from shop_storefront.near.cart import Carts  # it knows visits, which know the site

        settings: StorefrontSettings = runtime.settings
        assets, near, parts = Assets(), Neighbours.of(runtime), Parts(runtime.metrics, settings.patience)
        catalog = Catalog(near.catalog, parts)
        templates = Templates(assets, {"shop_name": settings.shop_name})
        sessions = Sessions(runtime.add(open_cache(settings)))
        return cls(
            settings=settings,
            assets=assets,
            templates=templates,
            fragments=Fragments(templates.render),
            sessions=sessions,
            renewal=Renewal(near.user, sessions),
            near=near,
            parts=parts,
            catalog=catalog,
            search=Search(near.search),
            recommending=Recommending(near.recommendation, catalog, parts),
            carts=Carts(near.cart),
            views=Views(runtime),
            letters=Letters(bus_of(runtime)),
            headers=page_headers(secure=settings.secure, payment_origins=settings.payment_origins),
        )
