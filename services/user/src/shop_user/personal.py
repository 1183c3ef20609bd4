"""What the shop holds about a person: handed to them, and forgotten when they say so (GDPR, 15 and 17)."""

import asyncio
from collections.abc import Mapping
from typing import Any

from shop_chassis.client import CallError, ServiceClient
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.user import api, events
from sqlalchemy import ColumnElement, Table, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user import emails, throttle
from shop_user.accounts import locked
from shop_user.ids import uuid_or_none
from shop_user.sessions import Sessions
from shop_user.tables import ACCOUNT, ADDRESS, OUTBOX, PAYMENT_METHOD, PENDING, SESSION
from shop_user.throttle import LOGIN_OF_ACCOUNT, Key

OWN = "user"
ROUTE = "/internal/personal-data/{subject}"


class People:
    """Export and erasure."""

    def __init__(self, store: Store, sessions: Sessions, holders: Mapping[str, ServiceClient]) -> None:
        """`holders`: the services that hold personal data, by name."""
        self._store = store
        self._sessions = sessions
        self._holders = holders

    async def export(self, subject: str) -> api.Export:
        """What this service holds, and what all others say within their time; who did not say is named."""
        own, *answers = await asyncio.gather(
            self._own(subject), *(_ask(client, subject) for client in self._holders.values())
        )
        said = dict(zip(self._holders, answers, strict=True))
        return api.Export(
            subject=subject,
            exported_at=utc_now(),
            data={OWN: own} | {name: each for name, each in said.items() if not isinstance(each, str)},
            unanswered=[
                api.Unanswered(service=name, reason=each)
                for name, each in said.items()
                if isinstance(each, str)
            ],
        )

    async def erase(self, subject: str) -> None:
        """Everything that names somebody goes, here now, elsewhere with the event. Raises Problem 404."""
        account = uuid_or_none(subject)
        async with self._store.transaction() as session:
            if account is not None:
                await self._erase(session, await locked(session, account))
            await self._sessions.end_all(session, subject, because="erased")
            erased = events.Erased(subject=subject, erased_at=utc_now())
            await OUTBOX.add(session, events.ERASED, subject=subject, data=erased)

    async def _erase(self, session: AsyncSession, account: Any) -> None:
        mine = PENDING.c.email_key == account.email_key
        await session.execute(delete(PENDING).where(or_(mine, PENDING.c.account_id == account.id)))
        await throttle.forget(session, Key.of_email(LOGIN_OF_ACCOUNT, account.email))
        for table in (ADDRESS, PAYMENT_METHOD):
            await session.execute(delete(table).where(table.c.account_id == account.id))
        mails = OUTBOX.events.c
        await session.execute(
            delete(OUTBOX.events).where(
                mails.subject == f"mail:{emails.digest(account.email)}", mails.published_at.is_not(None)
            )
        )
        await session.execute(
            update(ACCOUNT)
            .where(ACCOUNT.c.id == account.id)
            .values(
                email=None,
                email_key=None,
                name="",
                password_hash=None,
                scopes=[],
                preferences=api.Preferences().model_dump(mode="json"),
                last_login_at=None,
                locked_at=None,
                locked_reason=None,
                erased_at=utc_now(),
                version=ACCOUNT.c.version + 1,
            )
        )

    async def _own(self, subject: str) -> dict[str, Any]:
        account = uuid_or_none(subject)
        async with self._store.session() as session:
            held = {"sessions": await _rows(session, SESSION, SESSION.c.subject == subject)}
            if account is not None:
                held |= {
                    "account": await _rows(session, ACCOUNT, ACCOUNT.c.id == account),
                    "addresses": await _rows(session, ADDRESS, ADDRESS.c.account_id == account),
                    "payment_methods": await _rows(
                        session, PAYMENT_METHOD, PAYMENT_METHOD.c.account_id == account
                    ),
                }
        return held


_WITHHELD = frozenset({"password_hash", "token", "email_key", "account_id", "subject"})
"""Secrets, and what repeats."""


async def _rows(session: AsyncSession, table: Table, mine: ColumnElement[bool]) -> list[dict[str, Any]]:
    rows = (await session.execute(select(table).where(mine).order_by(table.c.id))).mappings()
    return [{key: value for key, value in row.items() if key not in _WITHHELD} for row in rows]


async def _ask(client: ServiceClient, subject: str) -> dict[str, Any] | str:
    """What a service holds, or why that is not known."""
    try:
        return await client.call("GET", ROUTE, path={"subject": subject}, into=dict[str, Any])
    except CallError as error:
        return error.what
