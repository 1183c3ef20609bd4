"""Messages in the shop, the live count of unread ones, and the links by which mails are ended."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response
from shop_contracts.notification.api import InboxPage

from shop_storefront.pages import pages, without_token
from shop_storefront.parts import FAILURES
from shop_storefront.redirects import safe_path
from shop_storefront.visit import SignInNeeded, Visit, VisitDep

router = pages()

MailToken = Annotated[str, Path(max_length=600, pattern=r"^[A-Za-z0-9_-]+$")]
_SECRET = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@router.get("/inbox")
async def read_inbox(
    visit: VisitDep,
    unread: bool = False,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Messages, newest first."""
    headers = await visit.user()
    params = {"unread": unread, "limit": 20} | ({"after": after} if after else {})
    found = await visit.site.near.notification.call(
        "GET", "/inbox", params=params, headers=headers, into=InboxPage
    )
    return await visit.page("pages/inbox/inbox.html", inbox=found, unread=unread, after=after)


@router.post("/inbox/read-all")
async def read_all(visit: VisitDep) -> Response:
    """All have been seen."""
    await visit.site.near.notification.send(
        "POST", "/inbox:read-all", headers=await visit.user(), idempotent=True
    )
    return visit.to("/inbox")


@router.post("/inbox/{id}/read")
async def read_message(visit: VisitDep, id: UUID) -> Response:
    """It has been read, and goes on to what it is about. That it cannot be noted keeps nobody from there."""
    await visit.site.parts.ask("read", _read(visit, id))
    return visit.to(safe_path(visit.form.get("next"), "/inbox"))


async def _read(visit: Visit, id: UUID) -> None:
    headers = await visit.user()
    await visit.site.near.notification.send(
        "POST", "/inbox/{id}:read", path={"id": id}, headers=headers, idempotent=True
    )


@router.get("/inbox/unread")
async def count_unread(visit: VisitDep) -> Response:
    """What the bell at the top of the pages shows; it stays as it is while nobody knows."""
    if not visit.partial:
        return visit.to("/inbox")
    try:
        headers = await visit.user()
        found = await visit.site.near.notification.call(
            "GET", "/inbox", params={"limit": 1}, headers=headers, into=InboxPage
        )
    except (*FAILURES, SignInNeeded):
        return Response(status_code=204)
    return await visit.page("pages/inbox/_unread.html", unread=found.unread)


# -- links of mails


@router.get("/unsubscribe/{token}")
async def ask_unsubscribe(visit: VisitDep, token: MailToken) -> Response:
    """Asks, and changes nothing: programs that look at mails follow links too."""
    headers = {"X-Forwarded-For": visit.forwarded_for}
    await visit.site.near.notification.send(
        "GET", "/unsubscribe/{token}", path={"token": token}, headers=headers
    )
    return await _unsubscribe_page(visit, token, done=False)


@router.post("/unsubscribe/{token}")
@without_token
async def unsubscribe(visit: VisitDep, token: MailToken) -> Response:
    """One click, also by a mail program, which has no page and no cookie of ours (RFC 8058)."""
    headers = {"X-Forwarded-For": visit.forwarded_for}
    await visit.site.near.notification.send(
        "POST", "/unsubscribe/{token}", path={"token": token}, headers=headers, idempotent=True
    )
    return await _unsubscribe_page(visit, token, done=True)


async def _unsubscribe_page(visit: Visit, token: str, *, done: bool) -> Response:
    response = await visit.page("pages/inbox/unsubscribe.html", token=token, done=done)
    response.headers.update(_SECRET)
    return response
