"""What is suggested while somebody types."""

import pytest
from shop_contracts.catalog.api import Category
from shop_search.index import Index
from shop_search.suggest import suggest

from .conftest import OWN, index_of, product, put


@pytest.fixture(scope="module")
def index(tree: list[Category]) -> Index:
    return index_of(
        [
            product("Oak desk lamp", category="desk-lamps"),
            product("Brass desk lamp", category="desk-lamps"),
            product("Oak desk", category="things"),
            product("Lampshade", category="lighting"),
            product("Möbelpolitur", category="things"),
        ],
        tree,
    )


def texts(index: Index, query: str, kind: str, limit: int = 10) -> list[str]:
    return [each.text for each in suggest(index.view, OWN, query, limit) if each.kind == kind]


def test_words_go_on_with_what_there_is_most_of(index: Index) -> None:
    assert texts(index, "la", "phrase") == ["lamp", "lampshade"]
    assert texts(index, "oak d", "phrase") == ["oak desk"]
    assert texts(index, "brass d", "phrase") == ["brass desk"]


def test_only_words_that_go_together(index: Index) -> None:
    assert texts(index, "oak la", "phrase") == ["oak lamp"]
    assert texts(index, "oak pol", "phrase") == []


def test_products_and_categories(index: Index) -> None:
    assert texts(index, "desk la", "category") == ["Desk lamps"]
    assert texts(index, "ligh", "category") == ["Lighting"]
    assert texts(index, "oak des", "product") == ["Oak desk", "Oak desk lamp"]
    [found] = [each for each in suggest(index.view, OWN, "lampsh", 10) if each.kind == "product"]
    assert (found.slug, found.product_id) == ("lampshade", product("Lampshade").id)


def test_a_typo_at_the_beginning_of_a_word(index: Index) -> None:
    assert texts(index, "lmapsh", "phrase") == ["lampshade"]


def test_words_are_shown_as_they_are_written(index: Index) -> None:
    assert texts(index, "mobe", "phrase") == ["möbelpolitur"]


@pytest.mark.parametrize("query", ["", " ", "?", "zzzz", "42"])
def test_nothing_to_suggest(index: Index, query: str) -> None:
    assert suggest(index.view, OWN, query, 10) == []


def test_no_more_than_asked_for(index: Index) -> None:
    for limit in range(1, 8):
        assert len(suggest(index.view, OWN, "la", limit)) <= limit


def test_what_is_not_sold_is_not_suggested() -> None:
    index = index_of([product("Lamp"), product("Lampion")])
    put(index, [product("Lampion", active=False, version=2)])
    assert texts(index, "lam", "phrase") == ["lamp"]
    assert "Lampion" not in texts(index, "lampi", "product")
