"""What happens to every request of a page before and after its handler.

    router = pages()

    @router.get("/help")
    async def help(visit: VisitDep) -> Response:
        return await visit.page("pages/help.html")

Before: the session, limits of the body, and for whatever changes something the token of a page of ours.
After: cookie, headers, compression; and errors as pages.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from shop_chassis.cache import CacheUnavailable
from shop_chassis.client import CalleeUnavailable, CallError, CallRefused, NotAllowed, NotFound
from shop_chassis.context import current
from shop_chassis.problems import Problem
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from shop_storefront import compression, csrf
from shop_storefront.forms import Form
from shop_storefront.sessions import Session
from shop_storefront.site import Site
from shop_storefront.visit import SignInNeeded, Visit

log = structlog.get_logger(__name__)

H = TypeVar("H", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

FORM_BYTES = 64 * 1024
_FIELDS = 200
_SAFE = frozenset({"GET", "HEAD"})
_UPLOADS = "__uploads__"
_ANYBODY = "__anybody__"


def pages() -> APIRouter:
    """A router of pages. They are in no OpenAPI document: that is of `/api`."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=Response)


def uploads(limit: int, scope: str) -> Callable[[H], H]:
    """Lets a page's form have so many bytes, files included, of who has that scope; of others nobody reads
    more than of any form. Written below the decorator of the route.
    """

    def mark(handler: H) -> H:
        setattr(handler, _UPLOADS, (limit, scope))
        return handler

    return mark


def without_token(handler: H) -> H:
    """Lets programs change something here that have neither cookie nor page: what they send says enough.
    Written below the decorator of the route.
    """
    setattr(handler, _ANYBODY, True)
    return handler


class PageRoute(APIRoute):
    """A route of a page."""

    def get_route_handler(self) -> Handler:
        """FastAPI's own way to wrap a route."""
        handler = super().get_route_handler()
        most, scope = getattr(self.endpoint, _UPLOADS, (FORM_BYTES, None))
        anybody = getattr(self.endpoint, _ANYBODY, False)

        async def page(request: Request) -> Response:
            site: Site = request.app.state.runtime.get(Site)
            visit = await Visit.begin(site, request)
            request.state.visit = visit
            try:
                async with asyncio.timeout(_seconds(site, request.method)):
                    if request.method not in _SAFE:
                        if not anybody:
                            from_here(request)
                        limit = most if scope in visit.session.scope.split() else FORM_BYTES
                        visit.form = await _form(request, limit, visit)
                        if not anybody:
                            _with_token(request, visit)
                    response = await handler(request)
            except Exception as error:  # each becomes a page
                response = await _error_page(visit, error)
            return _finished(visit, response)

        return page


def _seconds(site: Site, method: str) -> float:
    """A page is to be read now; a deed may take what the request has."""
    inherited = current()
    left = 0.9 * inherited.time_left() if inherited else site.settings.request_timeout
    return min(left, site.settings.page_seconds) if method in _SAFE else left


class _TooLarge(Exception):  # noqa: N818
    """The body is longer than the page takes."""


async def _form(request: Request, limit: int, visit: Visit) -> Form:
    length = request.headers.get("Content-Length", "0")
    if not length.isdecimal() or int(length) > limit:
        raise _TooLarge
    request = Request(request.scope, _counted(request.receive, limit))
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if media_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return Form(say=visit.say)
    return Form(await request.form(max_files=10, max_fields=_FIELDS, max_part_size=limit), visit.say)


def _counted(receive: Receive, limit: int) -> Receive:
    left = limit

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return counted


def from_here(request: Request) -> None:
    """What browsers say of where a request was made (Fetch Metadata, RFC 6454). Raises Problem 403."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = origin not in (None, "null") and urlsplit(origin or "").netloc != request.headers.get("Host")
    if site not in (None, "same-origin", "none") or (site is None and foreign):
        raise Problem(403, "the request was made by another site", type="other-site")


def _with_token(request: Request, visit: Visit) -> None:
    sent = request.headers.get(csrf.HEADER) or visit.form.get(csrf.FIELD)
    if not visit.known or not csrf.holds(sent, visit.id):
        raise Problem(403, "the page was open for too long, or cookies are off", type="page-too-old")


def _finished(visit: Visit, response: Response) -> Response:
    for name, value in visit.site.headers.items():
        response.headers.setdefault(name, value)
    visit.cookie(response)
    encoding = compression.accepted(visit.request.headers.get("Accept-Encoding", ""))
    body = getattr(response, "body", b"")
    if encoding and len(body) >= compression.SMALLEST and "Content-Encoding" not in response.headers:
        response.body = compression.pack(body, encoding)
        response.headers["Content-Encoding"] = encoding
        response.headers["Content-Length"] = str(len(response.body))
    return response


async def _error_page(visit: Visit, error: Exception) -> Response:
    if isinstance(error, SignInNeeded) or (isinstance(error, NotAllowed) and error.status == 401):
        if (
            visit.session.signed_in
        ):  # its tokens are not taken any more: the page to sign in must not send it back
            with suppress(CacheUnavailable):
                await visit.change(Session.signed_out)
        safe = visit.request.method in _SAFE and not visit.partial
        return visit.to("/sign-in", next=visit.here if safe else None)
    status, kind, detail = _meaning(error)
    if status >= 500:
        log.error("a page could not be shown", path=visit.request.url.path, status=status, error=str(error))
    if status == 500:
        log.exception("request failed", exc_info=error)
    at_desk = visit.session.admin and visit.request.url.path.startswith("/admin")
    template = "pages/admin/away.html" if at_desk and kind == "unavailable" else "pages/error.html"
    service = error.callee if isinstance(error, CallError) else None
    try:
        response = await visit.page(template, status=status, kind=kind, detail=detail, service=service)
    except Exception:  # the error's page has an error: say it in plain words
        log.exception("the page of an error could not be shown")
        response = Response("Something went wrong. Please try again.\n", status, media_type="text/plain")
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _meaning(error: Exception) -> tuple[int, str, str | None]:
    """Status, what the page says, and a sentence of the service where it is for people."""
    match error:
        case _TooLarge():
            return 413, "too-large", None
        case Problem(status=status, type="page-too-old" | "other-site"):
            return status, "page-too-old", None
        case Problem(status=status, detail=detail):
            return status, _kind(status), detail
        case HTTPException(status_code=status):
            return status, _kind(status), None
        case RequestValidationError() | NotFound():
            return 404, "not-found", None
        case NotAllowed():
            return 403, "not-allowed", None
        case CallRefused(status=status, problem=problem):
            return (status if status >= 400 else 502), _kind(status), problem.get("detail")
        case CalleeUnavailable() | CacheUnavailable() | TimeoutError():
            return 503, "unavailable", None
        case _:
            return 500, "broken", None


def _kind(status: int) -> str:
    kinds = {403: "not-allowed", 404: "not-found", 405: "not-found", 410: "not-found", 413: "too-large"}
    kinds |= {429: "too-often", 502: "unavailable", 503: "unavailable", 504: "unavailable"}
    return kinds.get(status, "broken" if status >= 500 else "refused")
