"""What people see and choose of their own."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from shop_chassis.auth import Principal, require, require_any
from shop_chassis.client import CallError
from shop_chassis.edge import streaming
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.notification import api
from shop_contracts.user.api import GUEST, SHOP

from shop_notification.choices import Choices
from shop_notification.inbox import Entries
from shop_notification.people import Gone
from shop_notification.unread import Watchers

router = APIRouter(tags=["own"], responses=documented(401, 403, 503))

Anybody = Annotated[Principal, require_any(SHOP, GUEST)]
User = Annotated[Principal, require(SHOP)]
EntriesDep = Annotated[Entries, provided(Entries)]
ChoicesDep = Annotated[Choices, provided(Choices)]
WatchersDep = Annotated[Watchers, provided(Watchers)]


@router.get("/inbox")
async def read_inbox(
    entries: EntriesDep,
    user: Anybody,
    unread: Annotated[bool, Query(description="Only unread ones")] = False,
    limit: Limit = 20,
    after: After = None,
) -> api.InboxPage:
    """The caller's messages, newest first."""
    return await entries.page(user.subject, unread=unread, limit=limit, after=after)


@router.post("/inbox/{id}:read", responses=documented(404))
async def mark_read(entries: EntriesDep, user: Anybody, id: UUID) -> api.Unread:
    """One has been read."""
    return await entries.read(user.subject, id)


@router.post("/inbox:read-all")
async def mark_all_read(entries: EntriesDep, user: Anybody) -> api.Unread:
    """All have been seen."""
    return await entries.read_all(user.subject)


@router.get(
    "/inbox/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
@streaming
async def watch_unread(watchers: WatchersDep, user: Anybody) -> StreamingResponse:
    """Server-sent events `unread`: the number of unread messages, now and whenever it changes."""
    events: AsyncIterator[str] = watchers.events(user.subject, user.expires)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/preferences", responses=documented(404))
async def read_preferences(choices: ChoicesDep, user: User, response: Response) -> api.Preferences:
    """What the caller wants to hear of, where and when."""
    try:
        preferences, version = await choices.read(user.subject)
    except (Gone, CallError) as error:
        raise _problem(error) from error
    response.headers["ETag"] = etag(version)
    return preferences


@router.put("/preferences", responses=documented(404, 412, 428))
async def set_preferences(
    choices: ChoicesDep, user: User, wanted: api.Preferences, response: Response, if_match: IfMatch = None
) -> api.Preferences:
    """All of them; what is left out goes back to its default."""
    try:
        preferences, version = await choices.set(user.subject, wanted, partial(check_match, if_match))
    except (Gone, CallError) as error:
        raise _problem(error) from error
    response.headers["ETag"] = etag(version)
    return preferences


def _problem(error: Gone | CallError) -> Problem:
    if isinstance(error, Gone):
        return Problem(404, "there is no such account, or not any more", type="account-gone")
    return Problem(503, "who this is cannot be asked right now", headers={"Retry-After": "5"})
