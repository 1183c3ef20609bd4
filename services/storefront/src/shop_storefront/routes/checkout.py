"""The checkout up to the last look: whom and where to, how it is sent, how it is paid.

Each step is a page of its own and keeps what was entered; whoever comes too early is sent to the step that is
missing.
"""

from asyncio import gather
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel
from shop_chassis.client import CallRefused, NotAllowed, NotFound
from shop_contracts.address import Address
from shop_contracts.cart.api import SetCoupon
from shop_contracts.logistics.api import Option
from shop_contracts.user.api import Email, PaymentMethod, Profile, SavedAddress

from shop_storefront.drafts import Draft, keep
from shop_storefront.near import payment, user
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.book import countries_of, country_of
from shop_storefront.routes.quoting import PATHS, quoted
from shop_storefront.visit import Visit, VisitDep

router = pages()


class Contact(BaseModel):
    """Where messages about the order go."""

    email: Email


class To(BaseModel):
    """An address of the form."""

    address: Address


class Bill(BaseModel):
    """Another one, for the invoice."""

    billing: Address


class Way(BaseModel):
    """How it is sent."""

    option: Option


# -- whom and where to


@router.get("/checkout")
async def show_address(visit: VisitDep) -> Response:
    """Guests write an address; who is signed in has a book of them."""
    if await _nothing_to_order(visit):
        return visit.to("/cart")
    visit.viewed("checkout")
    draft, form = Draft.of(visit.session), visit.form
    form.fill(email=draft.email or None)
    for prefix, address in (("address", draft.address), ("billing", draft.billing)):
        if address is not None:
            form.fill(**{f"{prefix}__{name}": value for name, value in address.model_dump().items()})
    return await _address_page(visit, draft)


@router.post("/checkout")
async def set_address(visit: VisitDep) -> Response:
    """What is chosen from the book goes before what stands in the fields."""
    form, draft = visit.form, Draft.of(visit.session)
    contact = form.into(Contact)
    to = await _chosen(visit) or form.into(To)
    other = form.get("other_billing") == "on"
    bill = form.into(Bill) if other else None
    if contact is None or to is None or (other and bill is None):
        return await _address_page(visit, draft, status=422)
    await keep(
        visit, draft, email=contact.email, address=to.address, billing=bill and bill.billing, option=None
    )
    return visit.to(PATHS["delivery"])


async def _chosen(visit: Visit) -> To | None:
    try:
        id = UUID(visit.form.get("saved"))
    except ValueError:
        return None
    try:
        return To(address=(await user.address(visit, id)).value.address)
    except NotFound:
        return None


async def _address_page(visit: Visit, draft: Draft, *, status: int = 200) -> Response:
    form = visit.form
    book: Part[list[SavedAddress]] = Part([])
    if visit.session.signed_in:
        headers = await visit.user()
        book, profile = await gather(
            visit.site.parts.ask("address book", user.addresses(visit)),
            visit.site.parts.ask(
                "profile", visit.site.near.user.call("GET", "/me", headers=headers, into=Profile)
            ),
        )
        if profile.value is not None:
            form.fill(email=profile.value.email, address__name=profile.value.name)
    saved = book.value or []
    form.fill(address__country=country_of(visit), billing__country=country_of(visit))
    chosen = form.get("saved") or next(
        (str(each.id) for each in saved if each.address == draft.address or draft.address is None), "new"
    )
    return await visit.page(
        "pages/checkout/address.html",
        status=status,
        step="address",
        form=form,
        saved=saved,
        chosen=chosen if saved else "new",
        book_missing=book.missing,
        other_billing=form.get("other_billing") == "on" or draft.billing is not None,
        countries_named=countries_of(visit),
    )


async def _nothing_to_order(visit: Visit) -> bool:
    cart = await visit.site.carts.read(visit)
    return cart is None or not any(line.available for line in cart.lines)


# -- how it is sent


@router.get("/checkout/delivery")
async def show_delivery(visit: VisitDep) -> Response:
    """All ways that go there, with what they cost and when it arrives."""
    draft = Draft.of(visit.session)
    if not draft.reached("delivery"):
        return visit.to(PATHS[draft.step])
    return await _delivery_page(visit, draft)


@router.post("/checkout/delivery")
async def set_delivery(visit: VisitDep) -> Response:
    """Whether it is to be had the next step finds out."""
    draft = Draft.of(visit.session)
    if not draft.reached("delivery"):
        return visit.to(PATHS[draft.step])
    way = visit.form.into(Way)
    if way is None:
        return await _delivery_page(visit, draft, status=422)
    await keep(visit, draft, option=way.option)
    return visit.to(PATHS["payment"])


@router.post("/checkout/coupon")
async def set_coupon(visit: VisitDep) -> Response:
    """On the cart, from where the order has it; without a code it is taken off."""
    draft, form = Draft.of(visit.session), visit.form
    if not draft.reached("delivery"):
        return visit.to(PATHS[draft.step])
    wanted = form.into(SetCoupon) if form.get("code") else None
    if form.errors:
        return await _delivery_page(visit, draft, status=422)
    try:
        await visit.site.carts.coupon(visit, wanted.code if wanted else None)
    except NotAllowed:
        raise
    except CallRefused as error:
        form.refused("code", error, visit.say("This coupon cannot be used."))
        return await _delivery_page(visit, draft, status=422)
    return visit.to(PATHS["delivery"])


async def _delivery_page(visit: Visit, draft: Draft, *, status: int = 200) -> Response:
    quote = await quoted(visit, draft)
    if isinstance(quote, Response):
        return quote
    return await visit.page(
        "pages/checkout/delivery.html",
        status=status,
        step="delivery",
        form=visit.form,
        draft=draft,
        quote=quote,
        figures=quote.preview,
    )


# -- how it is paid


@router.get("/checkout/payment")
async def show_payment(visit: VisitDep) -> Response:
    """Ways to pay: what is kept in the account, and what the gateway offers."""
    draft = Draft.of(visit.session)
    if not draft.reached("payment"):
        return visit.to(PATHS[draft.step])
    return await _payment_page(visit, draft)


@router.post("/checkout/payment")
async def set_payment(visit: VisitDep) -> Response:
    """A token of the gateway; cards are entered there and nowhere else."""
    draft = Draft.of(visit.session)
    methods, _missing = await _methods(visit)
    method = next((each for each in methods if each.token == visit.form.get("method")), None)
    if method is None:
        visit.form.wrong("method", visit.say("Choose how you want to pay."))
        return await _payment_page(visit, draft, status=422)
    await keep(visit, draft, method=method.token, method_title=method.title)
    return visit.to(PATHS["review"])


async def _payment_page(visit: Visit, draft: Draft, *, status: int = 200) -> Response:
    methods, missing = await _methods(visit)
    return await visit.page(
        "pages/checkout/payment.html",
        status=status,
        step="payment",
        form=visit.form,
        methods=methods,
        chosen=draft.method or (methods[0].token if methods else None),
        kept_missing=missing,
    )


async def _methods(visit: Visit) -> tuple[list[payment.Method], bool]:
    kept: Part[list[PaymentMethod]] = Part([])
    if visit.session.signed_in:
        kept = await visit.site.parts.ask("payment methods", user.payment_methods(visit))
    cards = payment.test_cards(offered=visit.site.settings.test_cards)
    return payment.choices(kept.value or [], cards, visit.say), kept.missing
