"""The routes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import APIRouter, Query, Response
from shop_chassis.auth import require
from shop_chassis.events import BusError
from shop_chassis.paging import Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.catalog.api import Slug
from shop_contracts.money import MOST
from shop_contracts.search.api import (
    QUERY_MAX,
    AttributeFilter,
    IndexState,
    SearchPage,
    Sort,
    Suggestions,
)

from shop_search.filters import RESERVED, Filters, attributes_from
from shop_search.index import View
from shop_search.pages import CURSOR_MOST
from shop_search.replica import Replica
from shop_search.search import Search, run
from shop_search.suggest import suggest
from shop_search.synonyms import Synonyms

P = ParamSpec("P")
T = TypeVar("T")

Q = Annotated[
    str, Query(max_length=QUERY_MAX, description="Words; may have typos", examples=["oak desk lmap"])
]
Amount = Annotated[int | None, Query(ge=0, le=MOST, description="Minor units, inclusive")]


class Searcher:
    """Searches in threads: one takes milliseconds, and most of that without the interpreter's lock."""

    def __init__(self, replica: Replica, threads: Executor, synonyms: Synonyms) -> None:
        self._replica = replica
        self._threads = threads
        self._synonyms = synonyms

    async def run(
        self, work: Callable[Concatenate[View, Synonyms, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Does it with the index as it is now. Raises Problem."""
        call = partial(work, self._replica.view, self._synonyms, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


SearcherDep = Annotated[Searcher, provided(Searcher)]
ReplicaDep = Annotated[Replica, provided(Replica)]

router = APIRouter(tags=["search"], responses=documented(503))
admin = APIRouter(
    prefix="/admin",
    tags=["admin"],
    dependencies=[require("search:admin")],
    responses=documented(401, 403, 503),
)


@router.get("/search", response_model=SearchPage)
async def search_products(
    searcher: SearcherDep,
    q: Q = "",
    category: Annotated[Slug | None, Query(description="With the categories below it")] = None,
    brand: Annotated[list[Annotated[str, Query(max_length=200)]], Query(max_length=20)] = [],  # noqa: B006
    attribute: Annotated[list[AttributeFilter], Query(max_length=20)] = [],  # noqa: B006
    price_min: Amount = None,
    price_max: Amount = None,
    in_stock: bool | None = None,
    sort: Sort = "relevance",
    limit: Limit = 20,
    after: Annotated[
        str | None, Query(max_length=CURSOR_MOST, description="`next` of the page before")
    ] = None,
) -> Response:
    """Products that are sold and fit, best first. Without `q` all that the filters let through."""
    attributes = attributes_from(attribute, brand)
    if reserved := RESERVED & attributes.keys():
        raise Problem(422, f"attribute: {', '.join(sorted(reserved))} is a filter of its own")
    filters = Filters(category, attributes, price_min, price_max, in_stock)
    page = await searcher.run(run, Search(q, filters, sort, limit, after))
    return Response(page.model_dump_json(exclude_none=True), media_type="application/json")


@router.get("/suggest")
async def suggest_more(
    searcher: SearcherDep, q: Q = "", limit: Annotated[int, Query(ge=1, le=20)] = 8
) -> Suggestions:
    """What may be meant while somebody types: phrases, categories, products."""
    return Suggestions(items=await searcher.run(suggest, q, limit))


@admin.get("/index")
async def read_index(replica: ReplicaDep) -> IndexState:
    """The index of the replica that answers."""
    try:
        return await replica.state()
    except BusError as error:
        raise Problem(503, f"the broker cannot be asked how far its streams are: {error}") from error


@admin.post("/rebuild", status_code=202, response_class=Response)
async def rebuild(replica: ReplicaDep) -> None:
    """Every replica builds its index anew, beside the present one, which answers until that has caught up."""
    try:
        await replica.ask_all()
    except BusError as error:
        raise Problem(503, f"the broker does not take the request: {error}") from error
