"""The cart, of a guest or of somebody who is signed in."""

from asyncio import gather
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field
from shop_chassis.client import CallError, CallRefused
from shop_contracts.cart.api import MAX_QUANTITY, Cart, SetCoupon
from shop_contracts.catalog.api import Product

from shop_storefront import listing
from shop_storefront.near.recommendation import Recommended
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.home import reasons_of
from shop_storefront.visit import Visit, VisitDep

router = pages()


class Addition(BaseModel):
    """What the form of a product's page sends."""

    product_id: UUID
    quantity: int = Field(default=1, ge=1, le=MAX_QUANTITY)


class Line(BaseModel):
    """What the form of a line sends; 0 takes it out."""

    quantity: int = Field(ge=0, le=MAX_QUANTITY)
    step: int = Field(default=0, ge=-1, le=1)
    """Of the buttons beside it."""


@router.get("/cart")
async def read_cart(visit: VisitDep) -> Response:
    """What is in it, at present prices."""
    visit.viewed("cart")
    return await _shown(visit, await visit.site.carts.read(visit))


@router.post("/cart/lines")
async def add_line(visit: VisitDep) -> Response:
    """Puts a product in; there may be some of it already."""
    _, wanted = visit.say, visit.form.into(Addition)
    if wanted is None:
        return await _shown(visit, await visit.site.carts.read(visit), status=422)
    try:
        cart = await visit.site.carts.add(visit, wanted.product_id, wanted.quantity)
    except CallRefused as error:
        return await _refused(visit, error)
    if visit.partial:
        line = next((each for each in cart.lines if each.product_id == wanted.product_id), None)
        return await visit.page("pages/cart/_added.html", line=line, cart=cart)
    await visit.notice(_("It is in your cart."))
    return visit.to("/cart")


@router.post("/cart/lines/{product_id}")
async def set_line(visit: VisitDep, product_id: UUID) -> Response:
    """Makes it another quantity; 0 takes it out."""
    wanted = visit.form.into(Line)
    if wanted is None:
        return await _shown(visit, await visit.site.carts.read(visit), status=422)
    quantity = min(MAX_QUANTITY, wanted.quantity + wanted.step)
    try:
        return await _changed(visit, await visit.site.carts.set(visit, product_id, quantity))
    except CallRefused as error:
        return await _refused(visit, error)


@router.post("/cart/coupon")
async def set_coupon(visit: VisitDep) -> Response:
    """Puts a coupon on the cart; without a code takes it off."""
    form, carts = visit.form, visit.site.carts
    if form.get("remove"):
        return await _changed(visit, await carts.coupon(visit, None))
    wanted = form.into(SetCoupon)
    if wanted is not None:
        try:
            return await _changed(visit, await carts.coupon(visit, wanted.code))
        except CallRefused as error:
            form.refused("code", error, visit.say("This coupon cannot be used."))
    return await _shown(visit, await carts.read(visit), status=422)


async def _changed(visit: Visit, cart: Cart) -> Response:
    return await _shown(visit, cart) if visit.partial else visit.to("/cart")


async def _refused(visit: Visit, error: CallRefused) -> Response:
    """Says why not, at the cart as it is."""
    detail = str(error.problem.get("detail") or visit.say("That did not work. Please try again."))
    try:
        cart = await visit.site.carts.read(visit)
    except CallError:
        raise error from None
    return await _shown(visit, cart, status=error.status, refused=detail)


async def _shown(visit: Visit, cart: Cart | None, *, status: int = 200, refused: str = "") -> Response:
    ids = [line.product_id for line in cart.lines] if cart else []
    products, suggested = await gather(_products(visit, ids), _suggested(visit, ids))
    known = {each.id: each for each in products.value or ()}
    recommended = suggested.value or Recommended()
    return await visit.page(
        "pages/cart/_cart.html" if visit.partial else "pages/cart/page.html",
        # htmx puts only what succeeded into the page; what was refused says so in it
        status=200 if visit.partial else status,
        cart=cart,
        products=known,
        form=visit.form,
        refused=refused,
        suggested=[listing.of_product(each) for each in recommended.products],
        reasons=reasons_of(visit, recommended.reasons),
    )


async def _products(visit: Visit, ids: list[UUID]) -> Part[list[Product]]:
    """For pictures and links; without catalog the cart has names and prices all the same."""
    return await visit.site.parts.ask("pictures", visit.site.catalog.products(ids)) if ids else Part([])


async def _suggested(visit: Visit, ids: list[UUID]) -> Part[Recommended]:
    if visit.partial or not ids:
        return Part()
    return await visit.site.recommending.for_visit(visit, "cart", ids[:10])
