"""What answers from memory: the index of search, and the model of recommendations."""

from asyncio import gather
from typing import Annotated

from fastapi import Response
from shop_contracts.recommendation.api import ModelState, TrainingRequested
from shop_contracts.search.api import IndexState

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.admin.desk import desk, desk_of, done, may
from shop_storefront.visit import Visit, VisitDep

router = pages()
Searching = Annotated[Desk, desk("search")]
Recommendation = Annotated[Desk, desk("recommendation")]


@router.get("/admin/engines")
async def read_engines(visit: VisitDep) -> Response:
    """Each as the replica has it that answers; without the one that does not."""
    await visit.user()
    allowed = {name for name in ("search", "recommendation") if may(visit.session, name)}
    if not allowed:
        await desk_of(visit, "search")  # says which right is missing
    index, model = await gather(_index(visit), _model(visit))
    return await visit.page("pages/admin/engines.html", allowed=allowed, index=index.value, model=model.value)


@router.post("/admin/engines/index")
async def rebuild(visit: VisitDep, search: Searching) -> Response:
    """Every replica builds its index anew, and answers from the old one until then."""
    work = search.send("POST", "/admin/rebuild", idempotent=True)
    return await done(visit, work, visit.say("Every replica builds its index anew."), "/admin/engines")


@router.post("/admin/engines/model")
async def train(visit: VisitDep, recommendation: Recommendation) -> Response:
    """Trains a model in a process of its own; one at a time."""
    work = recommendation.call("POST", "/admin/train", into=TrainingRequested, idempotent=True)
    return await done(visit, work, visit.say("A model is being trained."), "/admin/engines")


async def _index(visit: Visit) -> Part[IndexState]:
    if not may(visit.session, "search"):
        return Part()
    search = await desk_of(visit, "search")
    return await visit.site.parts.ask("index", search.call("GET", "/admin/index", into=IndexState))


async def _model(visit: Visit) -> Part[ModelState]:
    if not may(visit.session, "recommendation"):
        return Part()
    recommendation = await desk_of(visit, "recommendation")
    return await visit.site.parts.ask("model", recommendation.call("GET", "/admin/model", into=ModelState))
