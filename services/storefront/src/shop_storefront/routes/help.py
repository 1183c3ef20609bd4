"""Help, and what stands where there is no page."""

from fastapi import HTTPException, Response

from shop_storefront.pages import pages
from shop_storefront.visit import VisitDep

router = pages()
last = pages()
"""After all others."""


@router.get("/help")
async def read_help(visit: VisitDep) -> Response:
    """How the shop works."""
    visit.viewed("help")
    return await visit.page("pages/help.html")


@last.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
async def nothing_here() -> Response:
    """A page that says so, instead of the framework's answer; the path is in the browser's own line."""
    raise HTTPException(404)
