"""Who somebody is and what they want: what user said of them, what they chose here, what events told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from shop_chassis.client import CallError, NotFound, ServiceClient
from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification.api import Preferences
from shop_contracts.user.api import Preferences as AtUser
from shop_contracts.user.api import User
from sqlalchemy import Row, case, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.segments import Customer
from shop_notification.tables import PERSON, PREFERENCE
from shop_notification.wishes import GUEST, following

log = structlog.get_logger(__name__)

FRESH = timedelta(minutes=10)
"""How old what user said may be, while user answers."""


class Gone(Exception):  # noqa: N818 - named for what it says
    """There is no such account, or not any more."""


@dataclass(frozen=True)
class Person:
    """Somebody, as far as they are known here."""

    subject: str
    email: str
    name: str
    preferences: Preferences
    chosen: bool
    """They set their preferences here, so nobody else need be asked."""
    read_at: datetime | None
    customer: Customer


class People:
    """The two tables, and user, who is asked now and then."""

    def __init__(self, store: Store, user: ServiceClient | None) -> None:
        """`user` None: only what events tell is known of anybody."""
        self._store = store
        self._user = user

    def asks(self, subject: str) -> bool:
        """Whether user is asked about somebody: after `refresh` they are known, or gone."""
        return self._user is not None and _account(subject) is not None

    async def read(self, subject: str) -> Person | None:
        """What is known now."""
        async with self._store.session() as session:
            return await find(session, subject)

    async def refresh(self, subject: str, *, strict: bool = False) -> None:
        """Asks user about somebody with an account, if what it said is old.

        While user does not answer what it said before is good enough, unless this is `strict`: about a wish
        that may have been taken back there. Raises Gone, CallError.
        """
        id = _account(subject)
        if id is None or self._user is None:
            return
        known = await self.read(subject)
        read_at = known.read_at if known else None
        if read_at is not None and utc_now() - read_at <= FRESH:
            return
        try:
            said = await self._user.call("GET", "/internal/users/{id}", path={"id": id}, into=User)
        except NotFound as error:
            raise Gone(subject) from error
        except CallError:
            if read_at is None or (strict and not (known and known.chosen)):
                raise
            log.info("user does not answer: what it said before is used", subject=subject)
            return
        values = {
            "email": said.email,
            "name": said.name,
            "preferences": said.preferences.model_dump(mode="json"),
            "read_at": utc_now(),
        }
        async with self._store.transaction() as session:
            await _upsert(session, subject, values)


async def find(session: AsyncSession, subject: str, *, lock: bool = False) -> Person | None:
    """What is known of somebody; locked, nobody else decides about them until the transaction ends."""
    query = (
        select(PERSON, PREFERENCE.c.document)
        .outerjoin(PREFERENCE, PREFERENCE.c.subject == PERSON.c.subject)
        .where(PERSON.c.subject == subject)
    )
    if lock:
        query = query.with_for_update(of=PERSON)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _person(row)


async def page(session: AsyncSession, after: str, limit: int) -> Sequence[Person]:
    """Everybody with an account, in the order of their subjects."""
    query = (
        select(PERSON, PREFERENCE.c.document)
        .outerjoin(PREFERENCE, PREFERENCE.c.subject == PERSON.c.subject)
        .where(PERSON.c.subject > after)
        .order_by(PERSON.c.subject)
        .limit(limit)
    )
    return [_person(row) for row in (await session.execute(query)).all()]


async def met(session: AsyncSession, subject: str) -> None:
    """There is an account; user is asked about it when there is something to tell."""
    if _account(subject) is not None:
        await session.execute(_new(session, subject).on_conflict_do_nothing())


async def ordered(session: AsyncSession, subject: str, at: datetime) -> None:
    """Somebody's order was confirmed."""
    if _account(subject) is None:
        return
    last = case((PERSON.c.last_order_at > at, PERSON.c.last_order_at), else_=at)
    await session.execute(_new(session, subject).on_conflict_do_nothing())
    await session.execute(
        update(PERSON)
        .where(PERSON.c.subject == subject)
        .values(orders=PERSON.c.orders + 1, last_order_at=last)
    )


def _account(subject: str) -> UUID | None:
    """The id of an account; None for a guest."""
    try:
        return UUID(subject)
    except ValueError:
        return None


def _new(session: AsyncSession, subject: str, **values: object) -> Any:
    nobody: dict[str, object] = {"email": "", "name": "", "preferences": {}, "orders": 0}
    return insert(session, PERSON).values(subject=subject, **{**nobody, **values})


async def _upsert(session: AsyncSession, subject: str, values: dict[str, object]) -> None:
    new = _new(session, subject, **values)
    await session.execute(new.on_conflict_do_update(index_elements=[PERSON.c.subject], set_=values))


def _person(row: Row[Any]) -> Person:
    if row.document is not None:
        preferences = Preferences.model_validate(row.document)
    elif row.read_at is not None:
        preferences = following(AtUser.model_validate(row.preferences))
    else:
        preferences = GUEST
    return Person(
        subject=row.subject,
        email=row.email,
        name=row.name,
        preferences=preferences,
        chosen=row.document is not None,
        read_at=row.read_at,
        customer=Customer(row.orders, row.last_order_at),
    )
