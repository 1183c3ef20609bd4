"""Pictures of products, from catalog."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from shop_storefront.streams import Streams

router = APIRouter(include_in_schema=False)


@router.get("/media/{name}")
async def read_media(
    request: Request, name: Annotated[str, Path(pattern=r"^[0-9a-z._-]{1,80}$")]
) -> Response:
    """A picture; catalog's headers say that it never changes."""
    streams: Streams = request.app.state.runtime.get(Streams)
    return await streams.forward(request, "catalog", f"/media/{name}", headers={}, limit=0)
