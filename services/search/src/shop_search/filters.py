"""What results are narrowed to, and the facets that say to what they can be."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shop_contracts.search.api import Facet, FacetValue
from tantivy import FieldType, Occur, Query, Schema, Searcher

from shop_search.schema import SEPARATOR
from shop_search.tree import Tree

CATEGORY, PRICE, IN_STOCK = "category", "price", "in_stock"
RESERVED = frozenset({CATEGORY, PRICE, IN_STOCK})
"""Facets that are no attributes; an attribute of such a name is none."""
PRICES = (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000)
"""Where ranges of prices begin, in minor units."""
VALUES_MOST, FACETS_MOST = 50, 20
"""Values of a facet, and attributes, that are shown: those of most products."""
_BUCKETS = 20_000
"""Values of all attributes that are counted in a part of the index."""


@dataclass(frozen=True)
class Filters:
    """All of them must hold; of several values of an attribute one must."""

    category: str | None = None
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    price_min: int | None = None
    price_max: int | None = None
    """Inclusive."""
    in_stock: bool | None = None


class Narrowing:
    """Filters as queries, one for each facet that is used."""

    def __init__(self, filters: Filters, schema: Schema, tree: Tree) -> None:
        self._queries: dict[str, Query] = {}
        if filters.category is not None:
            slugs = tree.with_below(filters.category)
            self._queries[CATEGORY] = Query.term_set_query(schema, CATEGORY, slugs)
        for name, values in filters.attributes.items():
            terms = [f"{name}{SEPARATOR}{value}" for value in sorted(values)]
            self._queries[name] = Query.term_set_query(schema, "attributes", terms)
        if filters.price_min is not None or filters.price_max is not None:
            self._queries[PRICE] = Query.range_query(
                schema, PRICE, FieldType.Unsigned, filters.price_min, filters.price_max
            )
        if filters.in_stock is not None:
            self._queries[IN_STOCK] = Query.term_query(schema, IN_STOCK, int(filters.in_stock), "basic")

    @property
    def used(self) -> Iterable[str]:
        """Names of the facets that are narrowed."""
        return self._queries

    def of(self, query: Query, *, without: str | None = None) -> Query:
        """The query under all filters, or all but those of one facet; scores stay what they are."""
        clauses = [
            (Occur.Must, Query.const_score_query(each, 0.0))
            for name, each in self._queries.items()
            if name != without
        ]
        return Query.boolean_query([(Occur.Must, query), *clauses]) if clauses else query


def facets(searcher: Searcher, query: Query, narrowing: Narrowing, tree: Tree) -> list[Facet]:
    """What the results differ in. A facet that is narrowed counts as if it were not: its other values are
    ways to go on, and a click on one gives as many results as it says."""
    found = _counted(searcher, narrowing.of(query))
    for name in narrowing.used:
        others = _counted(searcher, narrowing.of(query, without=name))
        if name in others:
            found[name] = others[name]
        else:
            found.pop(name, None)
    return [*_shown(found, tree)]


def _counted(searcher: Searcher, query: Query) -> dict[str, Counter[str]]:
    """Products by facet and value."""
    ranges = [
        {"from": start, **({"to": end} if end else {})}
        for start, end in zip(PRICES, [*PRICES[1:], None], strict=True)
    ]
    many = {"size": _BUCKETS, "segment_size": _BUCKETS}
    asked: dict[str, Any] = {
        CATEGORY: {"terms": {"field": "category", **many}},
        "attributes": {"terms": {"field": "attributes", **many}},
        IN_STOCK: {"terms": {"field": IN_STOCK}},
        PRICE: {"range": {"field": PRICE, "ranges": ranges}},
    }
    answer = searcher.aggregate(query, asked)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for name in (CATEGORY, IN_STOCK, PRICE):
        for bucket in answer[name]["buckets"]:
            if bucket["doc_count"]:
                counted[name][_key(name, bucket)] += bucket["doc_count"]
    for bucket in answer["attributes"]["buckets"]:
        name, _, value = bucket["key"].partition(SEPARATOR)
        if name not in RESERVED:
            counted[name][value] = bucket["doc_count"]
    return dict(counted)


def _key(name: str, bucket: Mapping[str, Any]) -> str:
    if name == PRICE:
        start, end = int(bucket.get("from", 0)), bucket.get("to")
        return f"{start}-{int(end) - 1}" if end is not None else f"{start}-"
    if name == IN_STOCK:
        return "true" if int(bucket["key"]) else "false"
    return str(bucket["key"])


def _shown(found: Mapping[str, Counter[str]], tree: Tree) -> Iterator[Facet]:
    if CATEGORY in found:
        yield Facet(name=CATEGORY, title="Category", values=_categories(found[CATEGORY], tree))
    if PRICE in found:
        values = sorted(found[PRICE].items(), key=lambda item: int(item[0].partition("-")[0]))
        yield Facet(name=PRICE, title="Price", values=[_value(*item) for item in values])
    if IN_STOCK in found:
        values = sorted(found[IN_STOCK].items(), reverse=True)
        yield Facet(name=IN_STOCK, title="In stock", values=[_value(*item) for item in values])
    attributes = [name for name in found if name not in RESERVED]
    attributes.sort(key=lambda name: (name != "brand", -found[name].total(), name))
    for name in attributes[:FACETS_MOST]:
        values = sorted(found[name].items(), key=lambda item: (-item[1], item[0]))[:VALUES_MOST]
        yield Facet(name=name, title=name.capitalize(), values=[_value(*item) for item in values])


def _categories(counted: Mapping[str, int], tree: Tree) -> list[FacetValue]:
    """With what is in those below, parents first."""
    totals: Counter[str] = Counter()
    for slug, count in counted.items():
        for above in tree.above(slug):
            totals[above] += count
    ordered = [each.slug for each in tree.categories]
    unknown = sorted(totals.keys() - set(ordered))
    return [
        FacetValue(value=slug, title=tree.title(slug), count=totals[slug])
        for slug in [*ordered, *unknown]
        if totals[slug]
    ]


def _value(value: str, count: int) -> FacetValue:
    return FacetValue(value=value, title=value, count=count)


def attributes_from(pairs: Sequence[str], brands: Sequence[str]) -> dict[str, frozenset[str]]:
    """`name:value` pairs and brands, by name."""
    found: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        name, _, value = pair.partition(":")
        found[name].add(value)
    found["brand"].update(brands)
    return {name: frozenset(values) for name, values in found.items() if values}
