"""Categories and search: one page, narrowed by facets; without search the categories are catalog's lists."""

from asyncio import gather
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import HTTPException, Path, Response
from shop_chassis.client import CallError
from shop_contracts.catalog.promotions import Promotion
from shop_contracts.search.api import Facet, SearchPage

from shop_storefront import listing
from shop_storefront.listing import Listed
from shop_storefront.near.catalog import ListAsked, Tree
from shop_storefront.near.search import Wanted
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.home import badges_of
from shop_storefront.visit import Visit, VisitDep

router = pages()

_CATEGORIES = 8
_SEARCH = 1.0
"""Seconds until a category is shown without facets."""


@dataclass(frozen=True)
class FacetChoice:
    """A value that the list can be narrowed to, as its form shows it."""

    name: str
    """Of the form's field."""
    value: str
    title: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class FacetGroup:
    """Choices that belong together."""

    name: str
    title: str
    choices: list[FacetChoice]
    only_one: bool
    """Of a group of which one can be chosen."""


@dataclass(frozen=True)
class Found:
    """What the page shows."""

    items: list[Listed]
    total: int | None = None
    """None: not known."""
    facets: tuple[FacetGroup, ...] = ()
    corrected: str | None = None
    next: str | None = None
    plain: bool = False
    """Search does not answer: a list without facets."""


@router.get("/search")
async def read_search(visit: VisitDep) -> Response:
    """What fits the query."""
    wanted = _wanted(visit)
    tree, page, offers = await gather(
        visit.site.catalog.tree.get(None),
        visit.site.parts.ask("search", visit.site.search.find(wanted), within=_SEARCH),
        visit.site.catalog.promotions.get(None),
    )
    if page.value is None and wanted.after:
        return visit.to(wanted.address("/search"))  # a place in a list that is not there any more
    popular = (
        await visit.site.recommending.popular.get(None) if not page.value or not page.value.total else None
    )
    found = _found(page.value, wanted, visit.say, by_category=True) if page.value else Found([], plain=True)
    visit.viewed("search")
    instead = (
        [listing.of_product(each) for each in popular.value.products] if popular and popular.value else []
    )
    return await _list(
        visit, found, wanted, path="/search", category=None, offers=offers, tree=tree.value, instead=instead
    )


@router.get("/c/{category}")
async def read_category(visit: VisitDep, category: Annotated[str, Path(max_length=120)]) -> Response:
    """The products of a category and of those below it."""
    wanted, catalog = _wanted(visit, category), visit.site.catalog
    tree, page, offers = await gather(
        catalog.tree.get(None),
        visit.site.parts.ask("search", visit.site.search.find(_newest(wanted)), within=_SEARCH),
        catalog.promotions.get(None),
    )
    if tree.value is not None and tree.value.get(category) is None:
        raise HTTPException(404)
    if page.value is not None:
        found = _found(page.value, wanted, visit.say)
    else:
        sort = wanted.sort if wanted.sort in ("price", "-price", "title") else "newest"
        after = wanted.after
        try:
            plain = (await catalog.list.need(ListAsked(category, sort, after))).value
        except CallError:
            if after is None:
                raise
            return visit.to(wanted.address(f"/c/{category}"))  # the place in the list was search's
        assert plain is not None
        items = listing.one_of_each_family(map(listing.of_product, plain.items))
        found = Found(items, next=plain.next, plain=True)
    visit.viewed("category", category=category)
    return await _list(
        visit, found, wanted, path=f"/c/{category}", category=category, offers=offers, tree=tree.value
    )


@router.get("/suggest")
async def read_suggestions(visit: VisitDep) -> Response:
    """A few ways to go on, below the field of the search; nothing where search does not answer."""
    q = str(visit.request.query_params.get("q", "")).replace("\x00", "").strip()
    asked = visit.site.search.suggest(q) if len(q) > 1 else None
    found = await visit.site.parts.ask("suggestions", asked) if asked else Part()
    return await visit.page(
        "pages/listing/_suggestions.html", items=found.value.items if found.value else [], q=q
    )


def _wanted(visit: Visit, category: str | None = None) -> Wanted:
    query = visit.request.query_params
    return Wanted.of(query, query.getlist("attribute"), category)


def _newest(wanted: Wanted) -> Wanted:
    return wanted if wanted.sort or wanted.q else replace(wanted, sort="newest")


def _found(
    page: SearchPage, wanted: Wanted, say: Callable[[str], str], *, by_category: bool = False
) -> Found:
    items = listing.one_of_each_family(map(listing.of_hit, page.items))
    groups = [_group(each, wanted, say) for each in page.facets if by_category or each.name != "category"]
    facets = tuple(each for each in groups if each.choices)
    return Found(items, page.total, facets, page.corrected, page.next)


def _group(facet: Facet, wanted: Wanted, say: Callable[[str], str]) -> FacetGroup:
    """The choices of a facet; a value is what the form sends, and `Wanted` reads."""
    values = [(each.value, each.title, each.count) for each in facet.values]
    match facet.name:
        case "price":
            return _choices("price", facet.name, say("Price"), values, {wanted.price})
        case "category":
            return _choices("category", facet.name, say("Category"), values[:_CATEGORIES], {wanted.category})
        case "in_stock":
            there = [("1", say("In stock"), count) for value, _, count in values if value == "true"]
            return _choices(
                "in_stock", facet.name, say("Availability"), there, {"1"} if wanted.in_stock else set()
            )
        case name:
            pairs = [(f"{name}:{value}", title, count) for value, title, count in values]
            return _choices("attribute", name, facet.title, pairs, set(wanted.attributes))


def _choices(
    field: str, name: str, title: str, values: Sequence[tuple[str, str, int]], chosen: Collection[str | None]
) -> FacetGroup:
    choices = [FacetChoice(field, value, text, count, value in chosen) for value, text, count in values]
    return FacetGroup(name, title, choices, only_one=field in ("price", "category"))


async def _list(
    visit: Visit,
    found: Found,
    wanted: Wanted,
    *,
    path: str,
    category: str | None,
    offers: Part[list[Promotion]],
    tree: Tree | None,
    instead: list[Listed] | None = None,
) -> Response:
    template = "pages/listing/_list.html" if visit.partial else "pages/listing/page.html"
    trail = tree.path(category) if tree and category else []
    return await visit.page(
        template,
        found=found,
        wanted=wanted,
        path=path,
        category=category,
        trail=trail,
        shelf=trail[0].slug if trail else "",
        below=tree.below(category) if tree and category else [],
        badges=badges_of(visit, found.items, offers.value or [], tree),
        instead=instead or [],
        q=wanted.q,
    )
