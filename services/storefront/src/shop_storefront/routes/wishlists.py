"""Wishlists: lists and what is on them, links for others, watched prices, and a list that somebody shared."""

from asyncio import gather
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from babel.numbers import NumberFormatError, get_currency_precision, parse_decimal
from fastapi import Path, Query, Response
from shop_chassis.client import CallRefused, Conflict, NotAllowed, NotFound
from shop_chassis.tables import new_id
from shop_contracts.cart.api import MY_CART
from shop_contracts.money import Money
from shop_contracts.wishlist.api import (
    MovedToCart,
    MoveToCart,
    ShareLink,
    ShareToken,
    WatchTerms,
    Wish,
    WishlistContent,
)

from shop_storefront.forms import sentence
from shop_storefront.near import wishlists
from shop_storefront.near.user import match
from shop_storefront.pages import pages
from shop_storefront.visit import Visit, VisitDep

router = pages()

After = Annotated[str | None, Query(max_length=200)]
_SECRET = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "Cache-Control": "no-store"}
"""Of a page whose address is a secret."""


@router.get("/wishlists")
async def list_wishlists(visit: VisitDep) -> Response:
    """All of mine, and the prices that I watch."""
    visit.form.fill(key=new_id())
    return await _lists_page(visit)


@router.post("/wishlists")
async def create_wishlist(visit: VisitDep) -> Response:
    """Another list; the form's key makes one of it, however often it is sent."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    content = form.into(WishlistContent)
    if content is None:
        return await _lists_page(visit, status=422)
    try:
        await visit.site.near.wishlist.send(
            "POST", "/wishlists", body=content, headers=headers, idempotency_key=form.get("key")[:64] or None
        )
    except NotAllowed:
        raise
    except CallRefused as error:
        form.refused("title", error, _("This list cannot be made."))
        return await _lists_page(visit, status=409)
    await visit.notice(_("The list is there."))
    return visit.to("/wishlists")


async def _lists_page(visit: Visit, *, status: int = 200) -> Response:
    found, watched = await gather(
        wishlists.lists(visit), visit.site.parts.ask("watches", wishlists.watches(visit))
    )
    return await visit.page(
        "pages/wishlists/lists.html", status=status, form=visit.form, lists=found.items, watched=watched.value
    )


@router.get("/wishlists/{id}")
async def read_wishlist(visit: VisitDep, id: UUID, after: After = None) -> Response:
    """What is on a list."""
    return await _list_page(visit, id, after=after)


@router.post("/wishlists/{id}")
async def change_wishlist(visit: VisitDep, id: UUID) -> Response:
    """Another title; the default instead of another list."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    content = form.into(WishlistContent)
    if content is None:
        return await _list_page(visit, id, status=422)
    try:
        await visit.site.near.wishlist.send(
            "PUT", "/wishlists/{id}", path={"id": id}, body=content, headers=headers | match(form)
        )
    except Conflict:
        form.wrong("", _("It was changed elsewhere meanwhile. This is how it is now."))
        form.values.clear()
        return await _list_page(visit, id, status=409)
    await visit.notice(_("Saved."))
    return visit.to(f"/wishlists/{id}")


@router.post("/wishlists/{id}/remove")
async def remove_wishlist(visit: VisitDep, id: UUID) -> Response:
    """The list with all that is on it; one that is gone is no error."""
    headers = await visit.user()
    with suppress(NotFound):
        await visit.site.near.wishlist.send("DELETE", "/wishlists/{id}", path={"id": id}, headers=headers)
    await visit.notice(visit.say("The list is gone."))
    return visit.to("/wishlists")


@router.post("/wishlists/{id}/share")
async def share_wishlist(visit: VisitDep, id: UUID) -> Response:
    """A link, shown by this answer alone: nobody can look it up afterwards, so there is nothing to go to."""
    link = await visit.site.near.wishlist.call(
        "POST", "/wishlists/{id}:share", path={"id": id}, headers=await visit.user(), into=ShareLink
    )
    address = str(visit.site.settings.public_url).rstrip("/")
    return await _list_page(visit, id, link=f"{address}/shared/{link.token}")


@router.post("/wishlists/{id}/unshare")
async def unshare_wishlist(visit: VisitDep, id: UUID) -> Response:
    """Ends all its links."""
    await visit.site.near.wishlist.send(
        "DELETE", "/wishlists/{id}:share", path={"id": id}, headers=await visit.user()
    )
    await visit.notice(visit.say("Nobody can see the list by a link any more."))
    return visit.to(f"/wishlists/{id}")


@router.post("/wishlists/{id}/items/{product_id}")
async def change_item(visit: VisitDep, id: UUID, product_id: UUID) -> Response:
    """How many, and a note to oneself."""
    wish = visit.form.into(Wish)
    if wish is None:
        return await _list_page(visit, id, status=422)
    await visit.site.near.wishlist.send(
        "PUT",
        "/wishlists/{id}/items/{product_id}",
        path={"id": id, "product_id": product_id},
        body=wish,
        headers=await visit.user(),
    )
    await visit.notice(visit.say("Saved."))
    return visit.to(f"/wishlists/{id}")


@router.post("/wishlists/{id}/items/{product_id}/remove")
async def remove_item(visit: VisitDep, id: UUID, product_id: UUID) -> Response:
    """Takes it off the list."""
    await visit.site.near.wishlist.send(
        "DELETE",
        "/wishlists/{id}/items/{product_id}",
        path={"id": id, "product_id": product_id},
        headers=await visit.user(),
    )
    await visit.notice(visit.say("It is off your wishlist."))
    return visit.to(f"/wishlists/{id}")


@router.post("/wishlists/{id}/items/{product_id}/to-cart")
async def move_to_cart(visit: VisitDep, id: UUID, product_id: UUID) -> Response:
    """Into the cart and off the list. Sent twice it is in the cart once."""
    headers, _ = await visit.user(), visit.say
    try:
        await visit.site.near.wishlist.call(
            "POST",
            "/wishlists/{id}/items/{product_id}:move-to-cart",
            path={"id": id, "product_id": product_id},
            body=MoveToCart(cart_id=MY_CART),
            headers=headers,
            into=MovedToCart,
            idempotent=True,
        )
    except NotAllowed:
        raise
    except CallRefused as error:
        if error.problem.get("type") != "not-on-list":  # else a click before this one has moved it
            said = sentence(str(error.problem.get("detail") or _("It cannot be bought right now.")))
            await visit.notice(said, "error")
            return visit.to(f"/wishlists/{id}")
    await visit.site.parts.ask("cart", visit.site.carts.read(visit))  # so that its number is right
    await visit.notice(_("It is in your cart."))
    return visit.to(f"/wishlists/{id}")


async def _list_page(
    visit: Visit, id: UUID, *, after: str | None = None, link: str = "", status: int = 200
) -> Response:
    found, watched = await gather(
        wishlists.wishlist(visit, id, after), visit.site.parts.ask("watches", wishlists.watches(visit))
    )
    visit.form.fill(title=found.title)
    return await visit.page(
        "pages/wishlists/list.html",
        status=status,
        form=visit.form,
        list=found,
        after=after,
        link=link,
        etag=f'"{found.version}"',
        watched={each.product.product_id for each in watched.value.items} if watched.value else None,
    )


# -- watched prices


@router.post("/watches/{product_id}")
async def watch_price(visit: VisitDep, product_id: UUID) -> Response:
    """Tells when the price falls: at all, to an amount, or by so much of a hundred."""
    headers, _ = await visit.user(), visit.say
    back = visit.next("/wishlists")
    terms = _terms(visit)
    if terms is None:
        await visit.notice(_("Write a price as 19.90, and a percentage from 1 to 99."), "error")
        return visit.to(back)
    try:
        await visit.site.near.wishlist.send(
            "PUT", "/watches/{product_id}", path={"product_id": product_id}, body=terms, headers=headers
        )
    except NotAllowed:
        raise
    except CallRefused as error:
        await visit.notice(
            sentence(str(error.problem.get("detail") or _("This cannot be watched."))), "error"
        )
        return visit.to(back)
    await visit.notice(_("We tell you when the price falls."))
    return visit.to(back)


@router.post("/watches/{product_id}/end")
async def end_watch(visit: VisitDep, product_id: UUID) -> Response:
    """Watches it no longer; one that is not watched is no error."""
    await visit.site.near.wishlist.send(
        "DELETE", "/watches/{product_id}", path={"product_id": product_id}, headers=await visit.user()
    )
    await visit.notice(visit.say("This price is not watched any more."))
    return visit.to(visit.next("/wishlists"))


def _terms(visit: Visit) -> WatchTerms | None:
    """Of the form: `below`, an amount as people write it, in `currency`; `percent`. None: not understood."""
    form = visit.form
    given: dict[str, object] = {}
    try:
        if entered := form.get("below"):
            currency = form.get("currency", "EUR")
            amount = parse_decimal(entered, locale=visit.locale, strict=True)
            minor = amount.scaleb(get_currency_precision(currency)).to_integral_exact()
            given["below"] = Money(amount=int(minor), currency=currency)
        if entered := form.get("percent"):
            given["percent"] = int(entered)
        return WatchTerms.model_validate(given)
    except (NumberFormatError, ArithmeticError, ValueError):
        return None


# -- what others share


@router.get("/shared/{token}")
async def read_shared(visit: VisitDep, token: Annotated[ShareToken, Path()], after: After = None) -> Response:
    """Whoever has the link sees title and products; whose list it is nobody says."""
    found = await wishlists.shared(visit, token, after)
    response = await visit.page("pages/wishlists/shared.html", list=found, token=token, after=after)
    response.headers.update(_SECRET)
    return response
