"""A search: from what somebody asks to a page of what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from shop_contracts.search.api import Hit, SearchPage, Sort
from tantivy import DocAddress, Query

from shop_search.filters import Filters, Narrowing, facets
from shop_search.highlights import Marker
from shop_search.index import SCHEMA, View, content
from shop_search.pages import Found, Place, page
from shop_search.plan import Kind, Plan, plans
from shop_search.schema import SORTINGS
from shop_search.synonyms import Synonyms


@dataclass(frozen=True)
class Search:
    """What somebody asks for."""

    query: str
    filters: Filters
    sort: Sort
    limit: int
    after: str | None = None


def run(view: View, synonyms: Synonyms, search: Search) -> SearchPage:
    """Finds it. Takes milliseconds, most of them without the interpreter's lock. Raises Problem 422."""
    sort = search.sort
    if sort == "relevance" and not search.query.strip():
        sort = "newest"
    after = Place.decode(search.after, sort) if search.after else None
    narrowing = Narrowing(search.filters, SCHEMA, view.tree)
    plan: Plan | None = None
    for plan in [after.plan] if after else chain(plans(search.query, view, synonyms), [None]):
        query = _query(plan, view, search.query)
        found = page(
            view.searcher, narrowing.of(query), SORTINGS.get(sort), search.limit, after, reader(view)
        )
        if found.total or plan is None or view.found(plan):
            break  # that filters leave nothing does not make the query mean something else
    marker = Marker(plan) if plan else None
    following = None
    if found.more:
        last = found.hits[-1]
        shown = len(found.hits) + (after.shown if after else 0)
        following = Place(sort, last.key, last.id, shown, plan).encode()
    first = after is None
    return SearchPage(
        items=[hit_of(hit.product, view, marker) for hit in found.hits],
        total=found.total,
        facets=facets(view.searcher, query, narrowing, view.tree) if first else [],
        corrected=corrected(plan, found.hits[0].id, view) if first and plan and found.hits else None,
        next=following,
    )


def _query(plan: Plan | None, view: View, asked: str) -> Query:
    if plan:
        return view.ranking.ranked(plan)
    return Query.empty_query() if asked.strip() else Query.all_query()  # signs alone find nothing


def reader(view: View) -> Callable[[DocAddress], Found]:
    """Reads hits of a view."""

    def read(address: DocAddress) -> Found:
        product = from_json(content(view.searcher, address))
        return Found(None, product["id"], product)

    return read


def hit_of(product: dict[str, Any], view: View, marker: Marker | None) -> Hit:
    """A product of the index as lists show it."""
    id = UUID(product["id"])
    return Hit(
        product_id=id,
        sku=product["sku"],
        slug=product["slug"],
        title=product["title"],
        category=product["category"],
        price=product["price"],
        image=product["images"][0] if product["images"] else None,
        available=view.available(id),
        family=product["family"],
        highlights=marker.marks(product["title"], product["description"]) if marker else None,
    )


def corrected(plan: Plan, best: str, view: View) -> str | None:
    """The query with those words in place of which the best hit has another; None where there are none."""
    said: list[str] = []
    replaced = False
    for slot in plan.slots:
        options = sorted(slot.options, key=lambda option: -option.kind)
        option = next((each for each in options if view.has(best, each.words)), None)
        typo = option is not None and option.kind <= Kind.TYPO
        replaced |= typo
        said += [view.vocabulary.shown(word) for word in (option.words if option and typo else slot.asked)]
    return " ".join(said) if replaced else None
