"""Pages, also while the index changes, and that replicas agree."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_chassis.problems import Problem
from shop_contracts.catalog.api import Category, Product
from shop_search import pages
from shop_search.index import Index

from .conftest import ask, everything, index_of, product, put, slugs

SORTS = ["relevance", "price", "-price", "newest", "title"]


def goods(count: int, seed: int = 0) -> list[Product]:
    """Many of them alike: titles and prices repeat, so that ties matter."""
    rng = random.Random(seed)
    return [
        product(
            " ".join(rng.choices(["oak", "desk", "lamp", "small"], k=rng.randint(1, 3))),
            slug=f"p-{number}",
            price=rng.choice([500, 500, 900]),
            attributes={"colour": rng.choice(["red", "navy"])},
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("query", ["", "lamp", "lmap oak"])
def test_pages_together_are_the_whole(sort: str, query: str) -> None:
    index = index_of(goods(150))
    whole = slugs(ask(index, query, sort=sort, limit=100))
    assert len(whole) > 10
    found = everything(index, query, sort=sort, limit=7)
    assert found[:100] == whole
    assert len(found) == len(set(found)) == ask(index, query).total


def test_sorted_is_sorted() -> None:
    index = index_of(goods(150))
    items = [hit for after in [None] for hit in ask(index, sort="price", limit=100, after=after).items]
    assert [hit.price.amount for hit in items] == sorted(hit.price.amount for hit in items)
    items = list(ask(index, sort="-price", limit=100).items)
    assert [hit.price.amount for hit in items] == sorted((hit.price.amount for hit in items), reverse=True)
    items = list(ask(index, sort="title", limit=100).items)
    assert [hit.title for hit in items] == sorted(hit.title for hit in items)


@settings(max_examples=12, deadline=None)
@given(data=st.data(), sort=st.sampled_from(SORTS), query=st.sampled_from(["", "lamp", "oak lmap"]))
def test_what_stays_is_shown_once_whatever_changes_between_pages(
    data: st.DataObject, sort: str, query: str
) -> None:
    """Products that are not touched keep their place, so each is on exactly one page."""
    first = goods(60)
    index = index_of(first)
    touched: set[str] = set()
    found: list[str] = []
    after, version = None, 1
    asked = set(slugs(ask(index, query, limit=100)))
    while True:
        page = ask(index, query, sort=sort, limit=9, after=after)
        found += slugs(page)
        after = page.next
        if after is None:
            break
        version += 1
        changes: list[Product] = []
        for number in data.draw(st.lists(st.integers(0, 90), max_size=6, unique=True)):
            slug = f"p-{number}"
            touched.add(slug)
            title = data.draw(st.sampled_from(["oak lamp", "lamp", "zebra", "small oak desk lamp"]))
            price = data.draw(st.sampled_from([100, 500, 900, 5000]))
            active = data.draw(st.booleans())
            changes.append(product(title, slug=slug, price=price, active=active, version=version))
        put(index, changes)
    untouched = [slug for slug in found if slug not in touched]
    assert len(untouched) == len(set(untouched))
    assert set(untouched) == asked - touched


QUERIES: list[dict[str, Any]] = [
    *({"query": query} for query in ("lamp", "oak desk", "lmap", "smal dsek oak", "nothing lamp")),
    *({"sort": sort} for sort in SORTS),
    {"query": "lamp", "attribute": ["colour:navy"], "sort": "price"},
    {"query": "oak", "price_max": 600, "in_stock": True},
]


@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_replicas_give_the_same_answers_however_they_came_there(
    data: st.DataObject, tree: list[Category]
) -> None:
    """The same events in different batches, one replica built anew half way: equal at the same position."""
    rng = random.Random(data.draw(st.integers(0, 10**6)))
    events = [each.model_copy(update={"version": n}) for n in (1, 2, 3) for each in goods(80, seed=n)]
    rng.shuffle(first := events[:80])
    half = [*first, *rng.sample(events[80:160], 40)]
    rest = [*rng.sample(events[160:], 40)]
    replicas = [index_of([], tree), index_of([], tree), index_of([], tree)]
    for index, size in zip(replicas, (1, 7, 1000), strict=True):
        feed(index, half, size)
    alike(replicas)
    replicas[2] = index_of([], tree)  # from a snapshot: the newest of each, in the order of ids
    newest = {each.id: each for each in half}
    feed(replicas[2], sorted(newest.values(), key=lambda each: each.id), 30)
    replicas[2].settle()
    alike(replicas)
    for index, size in zip(replicas, (1, 7, 1000), strict=True):
        feed(index, rest, size)
    alike(replicas)


def feed(index: Index, events: list[Product], size: int) -> None:
    for start in range(0, len(events), size):
        put(index, events[start : start + size])
        for each in events[start : start + size]:
            index.apply_stock(each.id, each.price.amount % 3, each.version)
    index.write(index.take())


def alike(replicas: list[Index]) -> None:
    for asked in QUERIES:
        one, *others = [ask(index, **asked).model_dump_json() for index in replicas]
        assert others == [one] * len(others), asked


def test_ties_are_in_the_order_of_a_digest_everywhere_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """All alike: the order is given by ids alone, and no page loses one where more are equal than it has."""
    monkeypatch.setattr("shop_search.schema.TIES", 2)
    one = index_of([product("Lamp", slug=f"p-{number}") for number in range(200)])
    two = index_of([product("Lamp", slug=f"p-{number}") for number in reversed(range(200))])
    for sort in SORTS:
        found = everything(one, "lamp", sort=sort, limit=9)
        assert sorted(found) == sorted(f"p-{number}" for number in range(200))
        assert found == everything(two, "lamp", sort=sort, limit=17)


@pytest.mark.parametrize("after", ["x", "W10", "bnVsbA", "WyJ0aXRsZSIsMSwiYSIsMSxbXSwwXQ"])
def test_a_cursor_of_something_else_is_refused(after: str) -> None:
    index = index_of(goods(30))
    with pytest.raises(Problem, match="not a cursor"):
        ask(index, after=after)
    theirs = ask(index, sort="price", limit=3).next
    with pytest.raises(Problem, match="not a cursor"):
        ask(index, sort="title", after=theirs)


def test_there_is_an_end_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DEEPEST", 20)
    index = index_of(goods(50))
    assert len(everything(index, limit=7)) == 20
