"""News of what an open page shows."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from fastapi.responses import StreamingResponse
from shop_chassis.client import NotFound
from shop_chassis.edge import streaming
from shop_chassis.runtime import provided

from shop_storefront.drafts import just_placed
from shop_storefront.live import LivePages
from shop_storefront.near import orders
from shop_storefront.pages import pages
from shop_storefront.visit import Visit, VisitDep

router = pages()

_NOTHING = 204
"""Tells a browser that listens to come no more (HTML, server-sent events, section 9.2.3)."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/live")
@streaming
async def listen(
    visit: VisitDep, live: Annotated[LivePages, provided(LivePages)], order: UUID | None = None
) -> Response:
    """Server-sent events: `order` of one that is the visitor's, `inbox` where they have an account."""
    await visit.token()  # one that does not hold any more makes them nobody
    subject = visit.session.subject if visit.session.signed_in else None
    watched = order if order and await _theirs(visit, order) else None
    if watched is None and subject is None:
        return Response(status_code=_NOTHING)
    if live.full:  # the page looks by itself now and then, and asks again
        return Response(status_code=503, headers={"Retry-After": "15"})
    return StreamingResponse(live.events(watched, subject), media_type="text/event-stream", headers=_HEADERS)


async def _theirs(visit: Visit, order: UUID) -> bool:
    if visit.session.subject is None:
        return False
    try:
        await orders.order(visit, order)
    except NotFound:
        return just_placed(visit, order)
    return True
