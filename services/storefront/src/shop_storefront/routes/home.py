"""The front page."""

from asyncio import gather
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Response
from shop_contracts.catalog.api import Product
from shop_contracts.catalog.promotions import Promotion
from shop_contracts.recommendation.api import Reason

from shop_storefront import i18n, listing
from shop_storefront.listing import Listed
from shop_storefront.near.catalog import ListAsked, Tree
from shop_storefront.near.recommendation import Recommended
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.visit import Visit, VisitDep

router = pages()

SHELF = 12
_MINE = 0.3
"""Seconds that the front page waits for what is for this visitor alone."""


@router.get("/")
async def read_home(visit: VisitDep) -> Response:
    """Promotions, what is for this visitor, what is popular, what is new."""
    catalog, recommending = visit.site.catalog, visit.site.recommending
    tree, promotions, popular, new, mine, recent = await gather(
        catalog.tree.get(None),
        catalog.promotions.get(None),
        recommending.popular.get(None),
        catalog.list.get(ListAsked(limit=2 * SHELF)),
        _mine(visit),
        recently_seen(visit),
    )
    visit.viewed("home")
    offers = promotions.value or []
    for_me = listed(mine.value.products if mine.value else ())

    def shared() -> dict[str, Any]:
        shelves = {
            "popular": listed(popular.value.products if popular.value else ()),
            "new": listed(new.value.items if new.value else ()),
        }
        all_of_them = [each for shelf in shelves.values() for each in shelf]
        return {
            **shelves,
            "tree": tree.value,
            "offers": [(each, offer_path(each, tree.value)) for each in offers],
            "badges": badges_of(visit, all_of_them, offers, tree.value),
        }

    of = (tree.value, promotions.value, popular.value, new.value)
    return await visit.page(
        "pages/home/page.html",
        top=visit.fragment("pages/home/_top.html", of, shared),
        bottom=visit.fragment("pages/home/_bottom.html", of, shared),
        mine=for_me,
        recent=recent,
        reasons=reasons_of(visit, mine.value.reasons if mine.value else {}),
        badges=badges_of(visit, [*for_me, *recent], offers, tree.value),
    )


async def _mine(visit: Visit) -> Part[Recommended]:
    """Only for those of whom something is known; for others it would be what is popular."""
    if not (visit.session.recent or visit.session.signed_in):
        return Part()
    return await visit.site.recommending.for_visit(visit, "home")


async def recently_seen(visit: Visit, *, without: Sequence[object] = ()) -> list[Listed]:
    """What this browser looked at last, as the session has it: no neighbour needs to know."""
    ids = [id for id in visit.session.recent if id not in without]
    if not ids:
        return []
    found = await visit.site.parts.ask("recently seen", visit.site.catalog.products(ids), within=_MINE)
    return [listing.of_product(each) for each in found.value or ()]


def listed(products: Sequence[Product]) -> list[Listed]:
    """A shelf's worth, one of each family."""
    return listing.one_of_each_family(map(listing.of_product, products))[:SHELF]


def badges_of(
    visit: Visit, products: Sequence[Listed], offers: Sequence[Promotion], tree: Tree | None
) -> dict[str, str]:
    """By slug: what is said of promotions at the picture."""
    found = {}
    for each in products:
        for offer in listing.promotions_on(each, offers, tree):
            if words := listing.badge(offer, lambda money: i18n.money_short(money, visit.locale), visit.say):
                found[each.slug] = words
                break
    return found


def reasons_of(visit: Visit, reasons: Mapping[UUID, Reason]) -> dict[UUID, str]:
    """By product: why it is shown."""
    _ = visit.say
    sentences = {
        "because_bought": _("Because you bought %(title)s"),
        "because_viewed": _("Because you looked at %(title)s"),
        "similar": _("Similar to %(title)s"),
        "bought_together": _("Goes with %(title)s"),
    }
    return {
        id: sentences[each.kind] % {"title": each.title}
        for id, each in reasons.items()
        if each.kind in sentences and each.title
    }


def offer_path(offer: Promotion, tree: Tree | None) -> str | None:
    """Where the products of a promotion are, if that is one place."""
    known = [slug for slug in offer.categories if tree is None or tree.get(slug)]
    return f"/c/{known[0]}" if len(known) == 1 and not offer.products else None
