"""Routes of whoever is signed in, about themselves. What belongs to somebody else is not there."""

from functools import partial
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import Problem, documented
from shop_contracts.address import Address
from shop_contracts.user import api

from shop_user.dependencies import (
    AccountsDep,
    Anybody,
    BookDep,
    Own,
    PeopleDep,
    ProfilesDep,
    SessionsDep,
    User,
    no_card_number_in,
    private,
)
from shop_user.ids import uuid_or_none

router = APIRouter(
    prefix="/me", tags=["me"], dependencies=[Depends(private)], responses=documented(401, 403, 404, 503)
)
EDITED = documented(412, 428)


@router.get("")
async def read_profile(profiles: ProfilesDep, me: Own, response: Response) -> api.Profile:
    """The caller's account."""
    return _tagged(response, await profiles.mine(me))


@router.patch("", responses=EDITED)
async def change_profile(
    profiles: ProfilesDep, me: Own, changes: api.ProfileChanges, response: Response, if_match: IfMatch = None
) -> api.Profile:
    """Changes what is given, if the account is still as the caller knows it."""
    no_card_number_in([changes.name or ""])
    return _tagged(response, await profiles.change(me, changes, partial(check_match, if_match)))


@router.delete("", status_code=204)
async def erase(people: PeopleDep, user: Anybody) -> None:
    """Erases the caller: the account here, and what other services hold. It cannot be undone."""
    await people.erase(user.subject)


@router.get("/export")
async def export(people: PeopleDep, user: Anybody, response: Response) -> api.Export:
    """Everything that the shop holds about the caller; which services did not answer is said."""
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return await people.export(user.subject)


@router.post("/password", status_code=204, responses=documented(409, 429))
async def change_password(accounts: AccountsDep, user: User, me: Own, change: api.PasswordChange) -> None:
    """Sets another password and ends the other sessions."""
    await accounts.change_password(me, uuid_or_none(user.session), change)


@router.get("/sessions")
async def list_sessions(sessions: SessionsDep, user: Anybody) -> api.Sessions:
    """Where the caller is signed in."""
    return api.Sessions(items=await sessions.of(user.subject, user.session))


@router.delete("/sessions", status_code=204)
async def end_sessions(sessions: SessionsDep, user: Anybody) -> None:
    """Signs the caller out everywhere, here too."""
    await sessions.end_everywhere(user.subject)


@router.delete("/sessions/{id}", status_code=204)
async def end_session(sessions: SessionsDep, user: Anybody, id: UUID) -> None:
    """Ends one session."""
    if not await sessions.end_one(user.subject, id):
        raise Problem(404, f"there is no session {id}, or it has ended")


@router.get("/preferences")
async def read_preferences(profiles: ProfilesDep, me: Own, response: Response) -> api.Preferences:
    """How the caller wants to be dealt with."""
    preferences, version = await profiles.preferences(me)
    response.headers["ETag"] = etag(version)
    return preferences


@router.put("/preferences", responses=EDITED)
async def set_preferences(
    profiles: ProfilesDep, me: Own, wanted: api.Preferences, response: Response, if_match: IfMatch = None
) -> api.Preferences:
    """All of them; what is left out goes back to its default."""
    preferences, version = await profiles.set_preferences(me, wanted, partial(check_match, if_match))
    response.headers["ETag"] = etag(version)
    return preferences


@router.get("/addresses")
async def list_addresses(book: BookDep, me: Own) -> api.AddressBook:
    """The address book."""
    return await book.addresses(me)


@router.post(
    "/addresses",
    status_code=201,
    responses={200: {"description": "It was there already"}, **documented(409)},
)
async def add_address(book: BookDep, me: Own, new: api.NewAddress, response: Response) -> api.SavedAddress:
    """Adds an address. With an id of the caller's it may be repeated."""
    _check_address(new.address, new.label)
    saved, created = await book.add_address(me, new)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/me/addresses/{saved.id}"
    return _tagged(response, saved)


@router.get("/addresses/{id}")
async def read_address(book: BookDep, me: Own, id: UUID, response: Response) -> api.SavedAddress:
    """One of the caller's addresses."""
    return _tagged(response, await book.address(me, id))


@router.put("/addresses/{id}", responses=EDITED)
async def change_address(
    book: BookDep,
    me: Own,
    id: UUID,
    entry: api.AddressEntry,
    response: Response,
    if_match: IfMatch = None,
) -> api.SavedAddress:
    """The whole entry anew, if it is still as the caller knows it."""
    _check_address(entry.address, entry.label)
    return _tagged(response, await book.change_address(me, id, entry, partial(check_match, if_match)))


@router.delete("/addresses/{id}", status_code=204)
async def remove_address(book: BookDep, me: Own, id: UUID) -> None:
    """Takes an address out of the book."""
    await book.remove_address(me, id)


@router.get("/payment-methods")
async def list_payment_methods(book: BookDep, me: Own) -> api.PaymentMethods:
    """What the caller can pay with."""
    return await book.payment_methods(me)


@router.post(
    "/payment-methods",
    status_code=201,
    dependencies=[no_card_numbers()],
    responses={200: {"description": "It was there already"}, **documented(409)},
)
async def add_payment_method(
    book: BookDep, me: Own, new: api.NewPaymentMethod, response: Response
) -> api.PaymentMethod:
    """Keeps a gateway's token. A card number is refused (`card-number`): only the gateway may see it."""
    method, created = await book.add_payment_method(me, new)
    response.status_code = 201 if created else 200
    return method


@router.delete("/payment-methods/{id}", status_code=204)
async def remove_payment_method(book: BookDep, me: Own, id: UUID) -> None:
    """Forgets a payment method."""
    await book.remove_payment_method(me, id)


def _check_address(address: Address, label: str) -> None:
    lines = address.model_dump(exclude={"phone"}).values()
    no_card_number_in([label, *lines])


T = TypeVar("T", api.Profile, api.SavedAddress)


def _tagged(response: Response, body: T) -> T:
    response.headers["ETag"] = etag(body.version)
    return body
