"""Facets count what a click on them would find."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_contracts.catalog.api import Category, Product
from shop_contracts.search.api import SearchPage
from shop_search.filters import PRICES
from shop_search.index import Index
from shop_search.tree import Tree

from .conftest import ask, id_of, index_of, product

COLOURS, BRANDS, CATEGORIES = (
    ("red", "navy", "green"),
    ("Acme", "Bolt & Co", "acme"),
    ("lighting", "desk-lamps", "chairs"),
)


def goods() -> Iterator[Product]:
    for number in range(120):
        attributes = {"brand": BRANDS[number % 3], "colour": COLOURS[number // 3 % 3]}
        if number % 4 == 0:
            attributes["material"] = "oak"
        yield product(
            f"{'Lamp' if number % 5 else 'Chair'} {number}",
            category=CATEGORIES[number // 2 % 3],
            price=(number * 997) % 30_000,
            attributes=attributes,
        )


@pytest.fixture(scope="module")
def index(tree: list[Category]) -> Index:
    index = Index()
    for number in range(120):
        if number % 6 < 4:  # of the others nothing is known
            index.apply_stock(id_of(f"{'lamp' if number % 5 else 'chair'}-{number}"), number % 3, 1)
    index.apply_categories(tree, 1)
    for each in goods():
        index.apply_product(each, 1)
    index.write(index.take())
    return index


def counts(page: SearchPage) -> dict[str, dict[str, int]]:
    return {facet.name: {each.value: each.count for each in facet.values} for facet in page.facets}


def narrowed(asked: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    """As a click on the value of a facet does, in place of what was chosen of that facet."""
    if name == "category":
        return asked | {"category": value}
    if name == "price":
        start, _, end = value.partition("-")
        return asked | {"price_min": int(start), "price_max": int(end) if end else None}
    if name == "in_stock":
        return asked | {"in_stock": value == "true"}
    others = [pair for pair in asked.get("attribute", ()) if not pair.startswith(f"{name}:")]
    return asked | {"attribute": [*others, f"{name}:{value}"]}


filters = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(["", "lamp", "chair", "lamp 7", "lmap"]),
        "category": st.sampled_from(["home", "lighting", "chairs", "nowhere"]),
        "attribute": st.lists(
            st.sampled_from(
                [*(f"colour:{c}" for c in COLOURS), *(f"brand:{b}" for b in BRANDS), "material:oak"]
            ),
            max_size=3,
        ),
        "price_min": st.sampled_from([0, 1000, 7777]),
        "price_max": st.sampled_from([999, 9999, 20_000]),
        "in_stock": st.booleans(),
    },
)


@settings(max_examples=20, deadline=None)
@given(filters)
def test_a_count_is_what_the_click_finds(index: Index, asked: dict[str, Any]) -> None:
    page = ask(index, **asked)
    for name, values in counts(page).items():
        for value, count in values.items():
            assert ask(index, **narrowed(asked, name, value)).total == count > 0, (name, value)


@settings(max_examples=20, deadline=None)
@given(filters)
def test_results_are_those_that_fit(index: Index, tree: list[Category], asked: dict[str, Any]) -> None:
    asked_for = {"lmap": "lamp"}.get(asked.get("query", ""), asked.get("query", "")).split()
    chosen = Counter(pair.partition(":")[0] for pair in asked.get("attribute", ()))
    expected, named = 0, {"desk-lamps": "lamp", "chairs": "chair"}
    for each in goods():
        available = index.view.available(each.id)
        pairs = {f"{name}:{value}" for name, value in each.attributes.items()}
        fits = [
            all(word in [*each.title.lower().split(), named.get(each.category)] for word in asked_for),
            "category" not in asked or each.category in Tree(tree).with_below(asked["category"]),
            all(any(p in pairs for p in asked["attribute"] if p.startswith(f"{name}:")) for name in chosen),
            each.price.amount >= asked.get("price_min", 0),
            each.price.amount <= asked.get("price_max", 10**9),
            "in_stock" not in asked or asked["in_stock"] is (available != 0),
        ]
        expected += all(fits)
    assert ask(index, **asked).total == expected


def test_what_is_shown_and_in_which_order(index: Index) -> None:
    facets = {facet.name: facet for facet in ask(index).facets}
    assert list(facets) == ["category", "price", "in_stock", "brand", "colour", "material"]
    shown = [(each.value, each.title, each.count) for each in facets["category"].values]
    assert shown == [
        ("home", "Home & living", 120),
        ("lighting", "Lighting", 80),
        ("desk-lamps", "Desk lamps", 40),
        ("chairs", "Chairs", 40),
    ]
    starts = [int(each.value.partition("-")[0]) for each in facets["price"].values]
    assert starts == sorted(starts)
    assert set(starts) <= set(PRICES)
    assert [each.value for each in facets["in_stock"].values] == ["true", "false"]


def test_only_the_first_page_has_them(index: Index) -> None:
    page = ask(index, limit=5)
    assert page.facets
    assert not ask(index, limit=5, after=page.next).facets


def test_attributes_named_as_other_filters_are_no_facets() -> None:
    index = index_of([product("Lamp", attributes={"price": "cheap", "category": "x", "colour": "red"})])
    assert counts(ask(index)) == {
        "category": {"things": 1},
        "price": {"1000-2499": 1},
        "in_stock": {"true": 1},
        "colour": {"red": 1},
    }
