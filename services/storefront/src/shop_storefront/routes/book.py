"""What an account keeps for the next order: addresses and ways to pay."""

from contextlib import suppress
from uuid import UUID

from fastapi import Response
from shop_chassis.client import CallRefused, Conflict, NotAllowed, NotFound
from shop_chassis.tables import new_id
from shop_contracts.user.api import AddressEntry, NewAddress

from shop_storefront import i18n
from shop_storefront.near import payment, user
from shop_storefront.near.user import match
from shop_storefront.pages import pages
from shop_storefront.visit import Visit, VisitDep

router = pages()


@router.get("/account/addresses")
async def list_addresses(visit: VisitDep) -> Response:
    """The address book."""
    return await visit.page("pages/account/addresses.html", addresses=await user.addresses(visit))


@router.get("/account/addresses/new")
async def show_new_address(visit: VisitDep) -> Response:
    """An empty form; its id makes one entry of it, however often it is sent."""
    await visit.user()
    visit.form.fill(id=new_id(), address__name=visit.session.name, address__country=country_of(visit))
    return await _form(visit, "/account/addresses/new")


@router.post("/account/addresses/new")
async def add_address(visit: VisitDep) -> Response:
    """Another entry."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    entry = form.into(NewAddress)
    if entry is not None:
        try:
            await visit.site.near.user.send("POST", "/me/addresses", body=entry, headers=headers)
        except CallRefused as error:
            _refused(visit, error)
        else:
            await visit.notice(_("The address is in your book."))
            return visit.to(visit.next("/account/addresses"))
    return await _form(visit, "/account/addresses/new", status=422)


@router.get("/account/addresses/{id}")
async def show_address(visit: VisitDep, id: UUID) -> Response:
    """An entry, to be changed."""
    found = await user.address(visit, id)
    entry = found.value
    visit.form.fill(etag=found.etag, label=entry.label)
    visit.form.fill(**{f"address__{name}": value for name, value in entry.address.model_dump().items()})
    for name in ("default_shipping", "default_billing"):
        if getattr(entry, name):
            visit.form.values[name] = "on"
    return await _form(visit, f"/account/addresses/{id}", id=id)


@router.post("/account/addresses/{id}")
async def change_address(visit: VisitDep, id: UUID) -> Response:
    """The whole entry anew, if it is still the one that was shown."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    entry = form.into(AddressEntry)
    if entry is not None:
        try:
            await visit.site.near.user.send(
                "PUT", "/me/addresses/{id}", path={"id": id}, body=entry, headers=headers | match(form)
            )
        except Conflict:
            form.wrong("", _("It was changed elsewhere meanwhile: open it again from the list."))
        except CallRefused as error:
            _refused(visit, error)
        else:
            await visit.notice(_("Saved."))
            return visit.to("/account/addresses")
    return await _form(visit, f"/account/addresses/{id}", id=id, status=422)


@router.post("/account/addresses/{id}/remove")
async def remove_address(visit: VisitDep, id: UUID) -> Response:
    """Takes it out of the book; what is not in it is no error."""
    headers = await visit.user()
    with suppress(NotFound):
        await visit.site.near.user.send("DELETE", "/me/addresses/{id}", path={"id": id}, headers=headers)
    await visit.notice(visit.say("The address is out of your book."))
    return visit.to("/account/addresses")


@router.get("/account/payment-methods")
async def list_payment_methods(visit: VisitDep) -> Response:
    """What is kept of cards: the gateway's token and what is printed on them at the end."""
    return await _methods(visit)


@router.post("/account/payment-methods")
async def add_payment_method(visit: VisitDep) -> Response:
    """One that the gateway has given a token for."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    cards = payment.test_cards(offered=visit.site.settings.test_cards)
    card = next((each for each in cards if each.token == form.get("token")), None)
    if card is None:
        form.wrong("token", _("Choose one of the cards."))
        return await _methods(visit, status=422)
    try:
        await visit.site.near.user.send("POST", "/me/payment-methods", body=card, headers=headers)
    except NotAllowed:
        raise
    except CallRefused as error:
        form.refused("token", error, _("This card cannot be kept."))
        return await _methods(visit, status=422)
    await visit.notice(_("You can pay with it now."))
    return visit.to("/account/payment-methods")


@router.post("/account/payment-methods/{id}/remove")
async def remove_payment_method(visit: VisitDep, id: UUID) -> Response:
    """Forgets it; what is not there is no error."""
    headers = await visit.user()
    with suppress(NotFound):
        await visit.site.near.user.send(
            "DELETE", "/me/payment-methods/{id}", path={"id": id}, headers=headers
        )
    await visit.notice(visit.say("It is forgotten."))
    return visit.to("/account/payment-methods")


def country_of(visit: Visit) -> str:
    """Where somebody with these languages probably lives; empty where they do not say."""
    offered = visit.site.settings.countries
    accepted = i18n.territories(visit.request.headers.get("Accept-Language", ""))
    return next((each for each in (visit.locale.territory, *accepted) if each in offered), "") or ""


def countries_of(visit: Visit) -> list[tuple[str, str]]:
    """Codes and names for a form, by name; one that was entered before stays among them.

    Before them nothing: a parcel must not go to a country because that comes first in the alphabet.
    """
    _ = visit.say
    codes = {*visit.site.settings.countries}
    codes |= {value for name, value in visit.form.values.items() if name.endswith(".country") and value}
    named = ((code, i18n.country(code, visit.locale)) for code in codes)
    return [("", _("Please choose")), *sorted(named, key=lambda each: each[1].casefold())]


def _refused(visit: Visit, error: CallRefused) -> None:
    if isinstance(error, NotAllowed):
        raise error
    visit.form.refused("", error, visit.say("This address cannot be kept."))


async def _form(visit: Visit, action: str, *, id: UUID | None = None, status: int = 200) -> Response:
    return await visit.page(
        "pages/account/address.html",
        status=status,
        form=visit.form,
        action=action,
        id=id,
        next=visit.next(""),
        countries_named=countries_of(visit),
    )


async def _methods(visit: Visit, *, status: int = 200) -> Response:
    kept = await user.payment_methods(visit)
    cards = payment.test_cards(offered=visit.site.settings.test_cards)
    tokens = {each.token for each in kept}
    return await visit.page(
        "pages/account/payment-methods.html",
        status=status,
        form=visit.form,
        kept=[(each, payment.title(each)) for each in kept],
        offered=payment.choices([], [each for each in cards if each.token not in tokens], visit.say),
    )
