"""The account of a visit, as pages need it. All is asked of user in the visitor's own name."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from shop_chassis.client import ServerError, ServiceClient
from shop_contracts.user.api import (
    AddressBook,
    Login,
    PaymentMethod,
    PaymentMethods,
    Preferences,
    Profile,
    Refresh,
    SavedAddress,
    Tokens,
)

from shop_storefront.forms import Form
from shop_storefront.parts import FAILURES
from shop_storefront.visit import Visit

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """Something that is edited, and the ETag by which it is known to be still that one."""

    value: T
    etag: str


async def tagged(
    client: ServiceClient, route: str, into: type[T], headers: Mapping[str, str], **path: object
) -> Tagged[T]:
    """What is at the route, with its ETag. Raises CallError."""
    answer = await client.send("GET", route, path=path, headers=headers)
    return Tagged(into.model_validate_json(answer.content), answer.headers.get("ETag", ""))


async def sign_in(visit: Visit, login: Login) -> None:
    """Opens a session at user, and the guest's cart goes with it. Raises CallError."""
    user = visit.site.near.user
    tokens = await user.call("POST", "/login", body=login, into=Tokens, headers=await visit.headers())
    mine = {"Authorization": f"Bearer {tokens.access_token}"}
    name: str = login.email
    locale: str | None = None
    with suppress(*FAILURES):  # who signed in is in, whatever else is known of them
        profile = await user.call("GET", "/me", headers=mine, into=Profile)
        preferences = await user.call("GET", "/me/preferences", headers=mine, into=Preferences)
        name, locale = profile.name or profile.email, preferences.locale
    guest_cart = await visit.sign_in(tokens, name=name, locale=locale)
    await visit.site.carts.merge(visit, guest_cart)


async def sign_out(visit: Visit) -> None:
    """Ends the session here, and at user if that answers: else it ends by itself. Raises CacheUnavailable."""
    refresh_token = visit.session.refresh_token
    await visit.sign_out()
    if refresh_token:
        body = Refresh(refresh_token=refresh_token)
        await visit.site.parts.ask(
            "sign-out", visit.site.near.user.send("POST", "/logout", body=body), within=2.0
        )


async def addresses(visit: Visit) -> list[SavedAddress]:
    """The address book, the default of shipping first. Raises CallError, SignInNeeded."""
    headers = await visit.user()
    book = await visit.site.near.user.call("GET", "/me/addresses", headers=headers, into=AddressBook)
    return sorted(book.items, key=lambda each: not each.default_shipping)


async def address(visit: Visit, id: UUID) -> Tagged[SavedAddress]:
    """One entry of the book. Raises CallError, SignInNeeded."""
    headers = await visit.user()
    return await tagged(visit.site.near.user, "/me/addresses/{id}", SavedAddress, headers, id=id)


async def payment_methods(visit: Visit) -> list[PaymentMethod]:
    """Those that are kept. Raises CallError, SignInNeeded."""
    headers = await visit.user()
    kept = await visit.site.near.user.call("GET", "/me/payment-methods", headers=headers, into=PaymentMethods)
    return kept.items


def too_often(visit: Visit, error: ServerError) -> str | None:
    """What to say of a refusal for asking too often; None where it is another failure."""
    if error.status != 429:
        return None
    seconds = int(error.retry_after or 60)
    say = visit.say("There were too many tries. The next one is looked at in %(n)s seconds.")
    return say % {"n": seconds}


_ETAG = re.compile(r'"[A-Za-z0-9._-]{1,64}"')


def match(form: Form) -> dict[str, str]:
    """The header of a change, of the form's field `etag`: changed is what was shown, or nothing."""
    shown = form.get("etag")
    return {"If-Match": shown} if _ETAG.fullmatch(shown) else {}
