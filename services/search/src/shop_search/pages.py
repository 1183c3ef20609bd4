"""Pages of results that stay right while the index changes.

A cursor is the key of the last item that was shown, so nothing that keeps its place is shown twice or left
out, whatever comes, goes or moves in between; and of a query the plan, so that what has not changed keeps its
score. Keys end with the id: the order is total, and the same in every replica.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.problems import Problem
from tantivy import DocAddress, Order, Query, Searcher, SearchResult

from shop_search.plan import LEVELS, MAX_WORDS, Kind, Option, Plan, Slot
from shop_search.schema import Sorting

DEEPEST = 10_000
"""Results that can be paged through."""
CURSOR_MOST = 8000
"""Characters of a cursor."""
_AHEAD = 10
"""More hits than a page has, because of ties."""

_Word = Annotated[str, Field(min_length=1, max_length=40)]
_Words = Annotated[tuple[_Word, ...], Field(min_length=1, max_length=8)]
_Option = tuple[_Words, Kind]
_Slot = tuple[
    _Words, Annotated[tuple[_Option, ...], Field(max_length=40)], Annotated[int, Field(ge=1, le=LEVELS)]
]
_Key = int | float | str
_CURSOR: TypeAdapter[Any] = TypeAdapter(
    tuple[
        str,  # sort
        _Key,
        Annotated[str, Field(max_length=36)],  # id
        Annotated[int, Field(ge=1, le=DEEPEST)],  # items shown so far
        Annotated[tuple[_Slot, ...], Field(max_length=MAX_WORDS)],
        Annotated[int, Field(ge=0, le=MAX_WORDS)],
    ]
)


class Place(NamedTuple):
    """Where the next page begins."""

    sort: str
    key: Any
    id: str
    shown: int
    plan: Plan | None

    def encode(self) -> str:
        """For the caller to hand back."""
        slots, required = self.plan or ((), 0)
        return cursor(self.sort, self.key, self.id, self.shown, slots, required)

    @classmethod
    def decode(cls, after: str, sort: str) -> "Place":
        """Raises Problem 422 for a cursor of another list."""
        its, key, id, shown, slots, required = key_of(after, _CURSOR)
        numbers = sort != "title"
        if its != sort or isinstance(key, str) is numbers:
            raise Problem(422, "after: not a cursor of this list in this order; begin without it")
        plan = Plan(tuple(Slot(asked, tuple(Option(*each) for each in options), level)
                          for asked, options, level in slots), required) if slots else None  # fmt: skip
        return cls(its, key, id, shown, plan)


class Found(NamedTuple):
    """A hit: its key, id and document."""

    key: Any
    id: str
    product: dict[str, Any]


class Page(NamedTuple):
    """Hits in their order."""

    hits: list[Found]
    total: int
    more: bool


def page(
    searcher: Searcher,
    query: Query,
    sorting: Sorting | None,
    limit: int,
    after: Place | None,
    read: Callable[[DocAddress], Found],
) -> Page:
    """The next `limit` hits; without a `sorting` by score. `read` gives a hit without its key.

    Raises Problem 422 beyond DEEPEST.
    """
    shown = after.shown if after else 0
    wanted = min(limit, DEEPEST - shown)
    if wanted <= 0:
        raise Problem(422, f"after: at most {DEEPEST} results can be paged through; narrow the search down")
    ask = shown + wanted + _AHEAD
    while True:
        hits, total = _ask(searcher, query, sorting, ask)
        complete = len(hits) < ask
        found = _following(hits, complete, sorting, wanted + 1, after, read)
        if complete or len(found) > wanted:
            return Page(found[:wanted], total, len(found) > wanted and shown + wanted < DEEPEST)
        ask *= 2  # much has come before this page, or many are equal


def _ask(
    searcher: Searcher, query: Query, sorting: Sorting | None, limit: int
) -> tuple[Sequence[tuple[Any, DocAddress]], int]:
    if sorting is None:
        found = searcher.search(query, limit, weight_by_field="tie")
    else:
        order = Order.Desc if sorting.descending else Order.Asc
        found = searcher.search(query, limit, order_by_field=sorting.field, order=order)
    return found.hits, count_of(found)


def count_of(result: SearchResult) -> int:
    """All that matched, on whatever page; the engine's own stubs leave it out."""
    count: int = result.count  # type: ignore[attr-defined]
    return count


def _following(
    hits: Sequence[tuple[Any, DocAddress]],
    complete: bool,
    sorting: Sorting | None,
    wanted: int,
    after: Place | None,
    read: Callable[[DocAddress], Found],
) -> list[Found]:
    """Up to `wanted` hits after that place, in order; fewer if more hits must be seen to know."""
    descending = sorting is None or sorting.descending
    found: list[Found] = []
    groups = _groups(hits)
    for number, (key, addresses) in enumerate(groups):
        if after is not None and (key > after.key if descending else key < after.key):
            continue
        if number == len(groups) - 1 and not complete:
            break  # some of the group may not be among the hits
        equal = sorted((read(address)._replace(key=key) for address in addresses), key=lambda hit: hit.id)
        found += [hit for hit in equal if after is None or key != after.key or hit.id > after.id]
        if len(found) >= wanted:
            break
    return found[:wanted]


def _groups(hits: Sequence[tuple[Any, DocAddress]]) -> list[tuple[Any, list[DocAddress]]]:
    return [(key, [address for _, address in group]) for key, group in groupby(hits, key=lambda hit: hit[0])]
