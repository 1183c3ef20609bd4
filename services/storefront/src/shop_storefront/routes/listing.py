"""Categories and search: one page, narrowed by facets; without search the categories are catalog's lists."""

from asyncio import gather
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Path, Response
from shop_chassis.client import CallError
from shop_chassis.problems import Problem
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
    popular = (
        await visit.site.recommending.popular.get(None) if not page.value or not page.value.total else None
    )
    found = _found(page.value, wanted) if page.value else Found([], plain=True)
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
        raise Problem(404, f"there is no category {category}")
    if page.value is not None:
        found = _found(page.value, wanted)
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


def _found(page: SearchPage, wanted: Wanted) -> Found:
    items = listing.one_of_each_family(map(listing.of_hit, page.items))
    groups = [_group(each, wanted) for each in page.facets if each.name != "category"]
    return Found(items, page.total, tuple(each for each in groups if each.choices), page.corrected, page.next)


def _group(facet: Facet, wanted: Wanted) -> FacetGroup:
    match facet.name:
        case "price":
            chosen: tuple[str, ...] = (wanted.price,)
            field, prefix = "price", ""
        case "in_stock":
            chosen, field, prefix = (("1",) if wanted.in_stock else ()), "in_stock", ""
        case name:
            chosen, field, prefix = wanted.attributes, "attribute", f"{name}:"
    values = [each for each in facet.values if facet.name != "in_stock" or each.value.lower() == "true"]
    choices = []
    for each in values:
        value = "1" if facet.name == "in_stock" else prefix + each.value
        choices.append(FacetChoice(field, value, each.title, each.count, value in chosen))
    return FacetGroup(facet.name, facet.title, choices, only_one=facet.name == "price")


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
