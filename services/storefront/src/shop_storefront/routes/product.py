"""A product."""

from asyncio import gather
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Response
from shop_contracts.catalog.api import FamilyWithVariants, Product
from shop_contracts.wishlist.api import Marks, Wish

from shop_storefront import listing
from shop_storefront.history import history_of
from shop_storefront.near.recommendation import Recommended
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.home import badges_of, recently_seen
from shop_storefront.variants import options_of
from shop_storefront.visit import Visit, VisitDep

router = pages()


@router.get("/p/{slug}")
async def read_product(visit: VisitDep, slug: Annotated[str, Path(max_length=120)]) -> Response:
    """Pictures, price, variants; and beside them what neighbours know, each in its own time."""
    catalog, recommending = visit.site.catalog, visit.site.recommending
    found = await catalog.product.need(slug)
    product = found.value
    assert product is not None
    if product.slug != slug:  # asked for by id
        return visit.to(f"/p/{product.slug}")
    (tree, offers, prices, related, family), (together, similar, marks, recent) = await gather(
        gather(
            catalog.tree.get(None),
            catalog.promotions.get(None),
            catalog.prices.get(product.id),
            catalog.related.get(product.id),
            _family(visit, product),
        ),
        gather(
            recommending.bought_together.get(product.id),
            recommending.similar.get(product.id),
            wished(visit, product.id),
            recently_seen(visit, without=[product.id]),
        ),
    )
    await _remember(visit, product)
    visit.viewed("product", product_id=product.id, category=product.category)
    relations = related.value.items if related.value else []
    shelves = {
        "together": _listed(together),
        "accessories": [listing.of_product(each.product) for each in relations if each.kind == "accessory"],
        "similar": _listed(similar)
        or [listing.of_product(each.product) for each in relations if each.kind == "similar"],
        "recent": recent,
    }
    promotions = listing.promotions_on(product, offers.value or [], tree.value)
    trail = tree.value.path(product.category) if tree.value else []
    return await visit.page(
        "pages/product/page.html",
        product=product,
        stale=found.stale,
        trail=trail,
        shelf=trail[0].slug if trail else "",
        promotions=promotions,
        history=history_of(prices.value.items, datetime.now(UTC)) if prices.value else None,
        options=options_of(product, family.value) if family.value else [],
        replacement=next((each.product for each in relations if each.kind == "replacement"), None),
        wished=marks,
        shelves=shelves,
        badges=badges_of(
            visit, [each for shelf in shelves.values() for each in shelf], offers.value or [], tree.value
        ),
    )


@router.post("/wishes/{product_id}")
async def change_wish(visit: VisitDep, product_id: UUID) -> Response:
    """The heart: puts the product on the default list, or takes it off."""
    headers = await visit.user()
    wanted, _ = visit.form.get("wished") == "1", visit.say
    await visit.site.near.wishlist.send(
        "PUT" if wanted else "DELETE",
        "/wishlists/default/items/{product_id}",
        path={"product_id": product_id},
        body=Wish() if wanted else None,
        headers=headers,
    )
    if visit.partial:
        return await visit.page("pages/product/_heart.html", product_id=product_id, wished=wanted)
    await visit.notice(_("It is on your wishlist.") if wanted else _("It is off your wishlist."))
    return visit.to(visit.next("/wishlists"))


async def wished(visit: Visit, product: UUID) -> bool | None:
    """Whether it is on a list of the visitor's; None where that is not known."""
    if not visit.session.signed_in:
        return None
    part = await visit.site.parts.ask("hearts", _marks(visit, product), within=0.3)
    return None if part.value is None else product in part.value.product_ids


async def _marks(visit: Visit, product: UUID) -> Marks:
    params, headers = {"product_id": str(product)}, await visit.headers()
    return await visit.site.near.wishlist.call(
        "GET", "/wishlist-marks", params=params, headers=headers, into=Marks
    )


async def _family(visit: Visit, product: Product) -> Part[FamilyWithVariants]:
    return await visit.site.catalog.family.get(product.family) if product.family else Part()


async def _remember(visit: Visit, product: Product) -> None:
    """Among the recently seen, of browsers that keep cookies. A page does not fail for it."""
    if visit.known and visit.session.recent[:1] != (product.id,):
        await visit.site.parts.ask("session", visit.change(lambda session: session.seen(product.id)))


def _listed(part: Part[Recommended]) -> list[listing.Listed]:
    return [listing.of_product(each) for each in part.value.products] if part.value else []
