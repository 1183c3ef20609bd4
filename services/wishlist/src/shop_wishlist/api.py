"""The routes; their bodies are in `shop_contracts.wishlist.api`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from shop_chassis.auth import Principal, require
from shop_chassis.etags import IfMatch, etag
from shop_chassis.idempotency import OptionalKey
from shop_chassis.paging import After, Limit
from shop_chassis.problems import documented
from shop_chassis.runtime import provided
from shop_contracts.wishlist.api import (
    MAX_MARKS,
    Marks,
    MovedToCart,
    MoveToCart,
    SharedWishlist,
    ShareLink,
    ShareToken,
    Watch,
    WatchPage,
    WatchTerms,
    Wish,
    Wishlist,
    WishlistContent,
    WishlistItem,
    WishlistPage,
    WishlistWithItems,
)

from shop_wishlist.errors import explained
from shop_wishlist.items import Items
from shop_wishlist.lists import Lists, Which
from shop_wishlist.moving import Moving
from shop_wishlist.watches import Watches

User = Annotated[Principal, require("shop")]
ListId = Annotated[Which, Path(description="Id, or `default`", union_mode="left_to_right")]
AllLists = Annotated[Lists, provided(Lists)]
AllItems = Annotated[Items, provided(Items)]
AllWatches = Annotated[Watches, provided(Watches)]
IS_NEW: dict[int | str, dict[str, Any]] = {201: {"description": "It is new"}}

router = APIRouter(tags=["wishlists"], dependencies=[Depends(explained)], responses=documented(401, 403, 503))
public = APIRouter(tags=["shared"], dependencies=[Depends(explained)], responses=documented(404, 503))


@router.get("/wishlists")
async def list_wishlists(
    user: User, lists: AllLists, response: Response, limit: Limit = 20, after: After = None
) -> WishlistPage:
    """My lists, oldest first."""
    _private(response)
    return await lists.page(user.subject, limit=limit, after=after)


@router.post("/wishlists", status_code=201, responses=documented(409))
async def create_wishlist(
    user: User,
    lists: AllLists,
    content: WishlistContent,
    response: Response,
    key: OptionalKey = None,
) -> Wishlist:
    """A new list. With an `Idempotency-Key` it may be repeated."""
    made = await lists.create(user.subject, content, key)
    response.headers["Location"] = f"/wishlists/{made.id}"
    response.headers["ETag"] = etag(made.version)
    return made


# Before those of `/wishlists/{id}`, which would take `:share` for a part of the id.
@router.post("/wishlists/{id}:share", responses=documented(404))
async def share_wishlist(id: ListId, user: User, items: AllItems, response: Response) -> ShareLink:
    """Another link to the list, shown this once."""
    _private(response)
    return await items.share(user.subject, id)


@router.delete("/wishlists/{id}:share", status_code=204, responses=documented(404))
async def unshare_wishlist(id: ListId, user: User, items: AllItems) -> None:
    """Ends all links to the list."""
    await items.unshare(user.subject, id)


@router.get("/wishlists/{id}", responses=documented(404))
async def read_wishlist(
    id: ListId, user: User, items: AllItems, response: Response, limit: Limit = 20, after: After = None
) -> WishlistWithItems:
    """A list and what is on it, newest first. The ETag is of the list, whatever things cost."""
    found = await items.read(user.subject, id, limit=limit, after=after)
    _private(response)
    response.headers["ETag"] = etag(found.version)
    return found


@router.put("/wishlists/{id}", responses=documented(404, 412))
async def change_wishlist(
    id: ListId,
    user: User,
    lists: AllLists,
    content: WishlistContent,
    response: Response,
    if_match: IfMatch = None,
) -> Wishlist:
    """Renames it, makes it the default; with `If-Match` only if it is still that one."""
    changed = await lists.change(user.subject, id, content, if_match)
    response.headers["ETag"] = etag(changed.version)
    return changed


@router.delete("/wishlists/{id}", status_code=204, responses=documented(404, 412))
async def remove_wishlist(id: ListId, user: User, lists: AllLists, if_match: IfMatch = None) -> None:
    """Removes it with all that is on it, and ends its links."""
    await lists.remove(user.subject, id, if_match)


@router.put("/wishlists/{id}/items/{product_id}", responses=IS_NEW | documented(404, 409))
async def put_item(
    id: ListId, product_id: UUID, user: User, items: AllItems, wish: Wish, response: Response
) -> WishlistItem:
    """Wishes for a product, or changes how."""
    item, made = await items.put(user.subject, id, product_id, wish)
    response.status_code = 201 if made else 200
    return item


@router.delete("/wishlists/{id}/items/{product_id}", status_code=204, responses=documented(404))
async def remove_item(id: ListId, product_id: UUID, user: User, items: AllItems) -> None:
    """Takes it off the list; what is not on it is no error."""
    await items.remove(user.subject, id, product_id)


@router.post("/wishlists/{id}/items/{product_id}:move-to-cart", responses=documented(404, 409, 410))
async def move_to_cart(
    id: ListId, product_id: UUID, user: User, moving: Annotated[Moving, provided(Moving)], into: MoveToCart
) -> MovedToCart:
    """Puts it into a cart, then takes it off the list. Who tries again after a failure puts nothing in twice;
    after a success it is not on the list any more (404 `not-on-list`)."""
    return await moving.move(user.subject, id, product_id, into.cart_id)


@router.get("/wishlist-marks")
async def read_marks(
    user: User,
    items: AllItems,
    response: Response,
    product_id: Annotated[list[UUID], Query(min_length=1, max_length=MAX_MARKS)],
) -> Marks:
    """Which of these products are on any list of mine."""
    _private(response)
    return await items.marks(user.subject, product_id)


@router.get("/watches", tags=["watches"])
async def list_watches(
    user: User, watches: AllWatches, response: Response, limit: Limit = 20, after: After = None
) -> WatchPage:
    """The prices that I watch, newest first."""
    _private(response)
    return await watches.page(user.subject, limit=limit, after=after)


@router.put("/watches/{product_id}", tags=["watches"], responses=IS_NEW | documented(404, 409))
async def put_watch(
    product_id: UUID, user: User, watches: AllWatches, terms: WatchTerms, response: Response
) -> Watch:
    """Watches the price. The same terms again change nothing, others begin anew at the present price."""
    watch, made = await watches.put(user.subject, product_id, terms)
    response.status_code = 201 if made else 200
    return watch


@router.delete("/watches/{product_id}", tags=["watches"], status_code=204)
async def remove_watch(product_id: UUID, user: User, watches: AllWatches) -> None:
    """Watches it no longer; one that is not watched is no error."""
    await watches.remove(user.subject, product_id)


@public.get("/shared-wishlists/{token}")
async def read_shared(
    token: ShareToken, items: AllItems, response: Response, limit: Limit = 20, after: After = None
) -> SharedWishlist:
    """A list by a link to it."""
    _private(response)
    return await items.shared(token, limit=limit, after=after)


def _private(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
