"""The public API: `/api/{service}/…` leads to the routes of the services that are for everybody.

Who asks is the token that comes along (`Authorization: Bearer`), or the session of a browser. A browser's
changes need the token of a page in `X-CSRF-Token`, as forms do. What leads on is listed here: internal and
administrators' routes are not.
"""

import re
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from shop_chassis.cache import CacheUnavailable
from shop_chassis.client import CalleeUnavailable
from shop_chassis.edge import streaming
from shop_chassis.problems import Problem
from shop_chassis.runtime import runtime_of

from shop_storefront import csrf
from shop_storefront.pages import from_here
from shop_storefront.site import Site
from shop_storefront.streams import Streams
from shop_storefront.visit import Visit

router = APIRouter(tags=["api"])

BODY_BYTES = 256 * 1024
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

PUBLIC = {
    "user": r"/(register|verify|login|refresh|logout|guests|password-reset(:confirm)?|me(/.+)?"
    r"|\.well-known/jwks\.json)",
    "catalog": r"/(products(/[^/]+(/(prices|relations))?)?|products:batch|families(/[^/]+)?|categories"
    r"|promotions(:price)?|coupons:check|media/[^/]+)",
    "search": r"/(search|suggest)",
    "cart": r"/carts(/[^/]+(/lines(/[^/]+)?|/coupon)?)?",
    "wishlist": r"/(wishlists(/.+)?|shared-wishlists/[^/]+|wishlist-marks|watches(/[^/]+)?)",
    "recommendation": r"/(recommendations|similar/[^/]+|bought-together/[^/]+|popular|recently-viewed)",
    "notification": r"/(inbox(/.+)?|preferences|unsubscribe/[^/]+|webhooks/[^/]+)",
    "order-taking": r"/orders(:preview)?",
    "order-processing": r"/orders(/.+)?",
    "payment": r"/webhooks/[^/]+",
    "logistics": r"/(quotes|webhooks/[^/]+)",
    "warehouse": r"/availability",
}
"""Paths by service. Which methods they have, and who may use them, the service says."""
_PATTERNS = {service: re.compile(paths) for service, paths in PUBLIC.items()}


class PublicApi(BaseModel):
    """Where the routes of the services are."""

    services: dict[str, str] = Field(examples=[{"catalog": "/api/catalog"}])


@router.get("/api")
async def list_services() -> PublicApi:
    """The services that have routes for everybody; each has a document of its own."""
    return PublicApi(services={service: f"/api/{service}" for service in PUBLIC})


@router.get("/api/notification/inbox/stream", include_in_schema=False)
@streaming
async def forward_stream(request: Request) -> Response:
    """The number of unread messages, as it changes."""
    return await _forward(request, "notification", "inbox/stream", seconds=None)


@router.api_route("/api/{service}/{path:path}", methods=_METHODS, include_in_schema=False)
async def forward(request: Request, service: str, path: str) -> Response:
    """The service's own answer."""
    return await _forward(request, service, path, seconds=8.0)


async def _forward(request: Request, service: str, path: str, *, seconds: float | None) -> Response:
    target = f"/{path}"
    pattern = _PATTERNS.get(service)
    if pattern is None or not pattern.fullmatch(target) or ".." in target.split("/"):
        raise Problem(404, f"there is no /api/{service}{target[:100]} for the public")
    site: Site = runtime_of(request).get(Site)
    streams: Streams = runtime_of(request).get(Streams)
    headers = await _who(site, request, anybody=service == "notification" and path.startswith("unsubscribe/"))
    address = quote(target, safe="/:@!$&'()*+,;=~-._")  # what was decoded must not become a query
    return await streams.forward(
        request, service, address, headers=headers, limit=BODY_BYTES, seconds=seconds
    )


async def _who(site: Site, request: Request, *, anybody: bool) -> dict[str, str]:
    """`anybody`: the path itself says enough, whoever's browser it is (RFC 8058)."""
    visit = await Visit.begin(site, request)
    given = request.headers.get("Authorization")
    if given is not None or not visit.known or anybody:
        return {"X-Forwarded-For": visit.forwarded_for} | ({"Authorization": given} if given else {})
    if request.method not in ("GET", "HEAD"):
        from_here(request)
        if not csrf.holds(request.headers.get(csrf.HEADER, ""), visit.id):
            raise Problem(403, f"expected the page's token in {csrf.HEADER}", type="page-too-old")
    try:
        return await visit.headers()
    except (CalleeUnavailable, CacheUnavailable) as error:
        raise Problem(503, "the session cannot be used right now", headers={"Retry-After": "2"}) from error
