import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

import pytest
from shop_contracts.catalog.api import Category, Product
from shop_contracts.money import Money
from shop_contracts.search.api import SearchPage
from shop_search import synonyms
from shop_search.filters import Filters, attributes_from
from shop_search.index import Index, View
from shop_search.search import Search, run
from shop_search.synonyms import Synonyms

SPACE = UUID(int=42)
OWN = synonyms.load(None)


def id_of(slug: str) -> UUID:
    return uuid5(SPACE, slug)


def product(title: str, *, slug: str | None = None, version: int = 1, **more: Any) -> Product:
    """A product by its title, which also makes its slug and id."""
    slug = slug or "-".join("".join(c if c.isalnum() and c.isascii() else " " for c in title.lower()).split())
    price = more.pop("price", 1000)
    return Product(
        **{
            "id": id_of(slug),
            "sku": f"SKU-{id_of(slug).int % 10**6:06}",
            "slug": slug,
            "title": title,
            "category": "things",
            "price": price if isinstance(price, Money) else Money(amount=price, currency="EUR"),
            "version": version,
            "updated_at": "2026-01-01T00:00:00Z",
            **more,
        }
    )


def index_of(products: Iterable[Product], categories: Sequence[Category] = ()) -> Index:
    index = Index()
    put(index, products, categories)
    return index


def put(index: Index, products: Iterable[Product], categories: Sequence[Category] = ()) -> None:
    """As new versions of the products."""
    if categories:
        index.apply_categories(categories, 1)
    for each in products:
        index.apply_product(each, each.version)
    index.write(index.take())


def ask(index: Index | View, query: str = "", *, words: Synonyms = OWN, **asked: Any) -> SearchPage:
    """What somebody finds."""
    filters = Filters(
        category=asked.pop("category", None),
        attributes=attributes_from(asked.pop("attribute", ()), asked.pop("brand", ())),
        price_min=asked.pop("price_min", None),
        price_max=asked.pop("price_max", None),
        in_stock=asked.pop("in_stock", None),
    )
    search = Search(
        query, filters, asked.pop("sort", "relevance"), asked.pop("limit", 20), asked.pop("after", None)
    )
    assert not asked
    return run(index.view if isinstance(index, Index) else index, words, search)


def slugs(page: SearchPage) -> list[str]:
    return [hit.slug for hit in page.items]


def everything(index: Index, query: str = "", limit: int = 7, **asked: Any) -> list[str]:
    """All pages."""
    found: list[str] = []
    after = None
    for _ in itertools.count():
        page = ask(index, query, limit=limit, after=after, **asked)
        found += slugs(page)
        after = page.next
        if after is None:
            return found
    raise AssertionError


Find = Callable[..., list[str]]


@pytest.fixture(scope="session")
def tree() -> list[Category]:
    return [
        Category(slug="home", title="Home & living"),
        Category(slug="lighting", title="Lighting", parent="home"),
        Category(slug="desk-lamps", title="Desk lamps", parent="lighting"),
        Category(slug="chairs", title="Chairs", parent="home", position=1),
        Category(slug="things", title="Other things", position=9),
    ]
