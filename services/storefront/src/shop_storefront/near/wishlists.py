"""Wishlists and watched prices of a visit."""

from uuid import UUID

from shop_contracts.wishlist.api import SharedWishlist, WatchPage, WishlistPage, WishlistWithItems

from shop_storefront.visit import Visit

_ALL = 100
"""Lists and watches that a page shows; there are at most 50 lists."""
_ITEMS = 50


async def lists(visit: Visit) -> WishlistPage:
    """Mine, oldest first. Raises CallError, SignInNeeded."""
    headers = await visit.user()
    return await visit.site.near.wishlist.call(
        "GET", "/wishlists", params={"limit": _ALL}, headers=headers, into=WishlistPage
    )


async def wishlist(visit: Visit, id: UUID | str, after: str | None = None) -> WishlistWithItems:
    """One of mine, newest wishes first. Raises CallError, SignInNeeded."""
    headers, params = await visit.user(), {"limit": _ITEMS} | ({"after": after} if after else {})
    return await visit.site.near.wishlist.call(
        "GET", "/wishlists/{id}", path={"id": id}, params=params, headers=headers, into=WishlistWithItems
    )


async def watches(visit: Visit, after: str | None = None) -> WatchPage:
    """The prices that I watch, newest first. Raises CallError, SignInNeeded."""
    headers, params = await visit.user(), {"limit": _ALL} | ({"after": after} if after else {})
    return await visit.site.near.wishlist.call(
        "GET", "/watches", params=params, headers=headers, into=WatchPage
    )


async def shared(visit: Visit, token: str, after: str | None = None) -> SharedWishlist:
    """What the owner of a link shows; nobody is told who looks. Raises CallError."""
    params = {"limit": _ITEMS} | ({"after": after} if after else {})
    return await visit.site.near.wishlist.call(
        "GET", "/shared-wishlists/{token}", path={"token": token}, params=params, into=SharedWishlist
    )
