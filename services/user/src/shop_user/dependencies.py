"""What handlers ask for."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from shop_chassis.auth import Principal, require, require_any
from shop_chassis.limits import Limits, Rate, address
from shop_chassis.pan import contains_card_number
from shop_chassis.problems import Problem
from shop_chassis.runtime import provided, runtime_of
from shop_contracts.user.api import GUEST, SHOP

from shop_user.accounts import Accounts, gone
from shop_user.book import Book
from shop_user.ids import uuid_or_none
from shop_user.personal import People
from shop_user.profiles import ADMIN, Profiles
from shop_user.sessions import Sessions
from shop_user.tokens import Issuer

AccountsDep = Annotated[Accounts, provided(Accounts)]
BookDep = Annotated[Book, provided(Book)]
IssuerDep = Annotated[Issuer, provided(Issuer)]
PeopleDep = Annotated[People, provided(People)]
ProfilesDep = Annotated[Profiles, provided(Profiles)]
SessionsDep = Annotated[Sessions, provided(Sessions)]

User = Annotated[Principal, require(SHOP)]
Anybody = Annotated[Principal, require_any(SHOP, GUEST)]
Admin = Annotated[Principal, require(ADMIN)]


async def _own_account(user: User) -> UUID:
    id = uuid_or_none(user.subject)
    if id is None:
        raise gone()
    return id


Own = Annotated[UUID, Depends(_own_account)]
"""The account that the token speaks for."""


async def slowed(request: Request, limits: Annotated[Limits, provided(Limits)]) -> None:
    """For routes that anybody may call: not more often from one address than ANONYMOUS_PER_MINUTE says."""
    most: float = runtime_of(request).settings.anonymous_per_minute
    route = f"{request.method} {request.scope['route'].path}"
    await limits.take(route, await address(request), Rate(most, max(1, round(most / 2))))


async def private(response: Response) -> None:
    """For a router whose answers are for the caller's eyes alone."""
    response.headers["Cache-Control"] = "no-store"


def no_card_number_in(texts: Iterable[str]) -> None:
    """Raises Problem 422 `card-number`. For bodies that also hold phone numbers, which can look like one."""
    if any(contains_card_number(text) for text in texts):
        detail = "expected no card number here, found what looks like one; it was not kept"
        raise Problem(422, detail, type="card-number")
