"""The front page."""

from asyncio import gather

from fastapi import Response

from shop_storefront.near.catalog import ListAsked
from shop_storefront.pages import pages
from shop_storefront.visit import VisitDep

router = pages()


@router.get("/")
async def read_home(visit: VisitDep) -> Response:
    """Promotions, what is for this visitor, what is popular."""
    visit.viewed("home")
    catalog = visit.site.catalog
    promotions, new = await gather(catalog.promotions.get(None), catalog.list.get(ListAsked(limit=12)))
    return await visit.page(
        "pages/home.html", promotions=promotions.value or [], new=new.value.items if new.value else []
    )
