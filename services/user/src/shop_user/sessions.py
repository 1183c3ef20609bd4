"""Sessions: signing in opens one, each refresh hands on its token, signing out or a theft ends it.

Locks are taken in one order everywhere: count of mails, account, what waits for a mail's token, count of
logins, session, refresh token, outbox. Whoever ends sessions says so after having their locks: so every
access token of theirs was issued before, and one of a later sign-in after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.user import api, events
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user.family import Lifetimes, Presented, State, presented
from shop_user.secret import digest, new_secret
from shop_user.tables import ACCOUNT, OUTBOX, REFRESH_TOKEN, SESSION
from shop_user.tokens import Issuer

log = structlog.get_logger(__name__)

GUEST_PREFIX = "guest:"


@dataclass(frozen=True)
class Holder:
    """Who a session is of."""

    subject: str
    scopes: list[str]
    account: UUID | None = None
    """None for a guest."""

    @classmethod
    def guest(cls) -> "Holder":
        """Somebody new without an account."""
        return cls(f"{GUEST_PREFIX}{new_id()}", [api.GUEST])

    @classmethod
    def of_account(cls, account: Any) -> "Holder":
        """`account` is a row of ACCOUNT."""
        return cls(str(account.id), [api.SHOP, *account.scopes], account.id)


class Sessions:
    """All sessions of the shop."""

    def __init__(self, store: Store, issuer: Issuer, lifetimes: Lifetimes) -> None:
        self._store = store
        self._issuer = issuer
        self._lifetimes = lifetimes

    async def open(self, session: AsyncSession, holder: Holder) -> api.Tokens:
        """A new one; the caller holds the lock of the account. Raises Problem 503 without a key."""
        now = utc_now()
        id, expires = new_id(), now + self._lifetimes.longest
        await session.execute(
            SESSION.insert().values(
                id=id,
                subject=holder.subject,
                account_id=holder.account,
                created_at=now,
                used_at=now,
                expires_at=expires,
            )
        )
        return await self._hand_out(session, holder, id, expires, now)

    async def refresh(self, token: str) -> api.Tokens:
        """The next tokens; one that was used before ends its session. Raises Problem 401 `session-ended`."""
        async with self._store.transaction() as session:
            tokens = await self._refresh(session, token)
        if tokens is None:  # only now, so that what has ended stays ended
            raise Problem(
                401,
                "this refresh token is not valid, or not any more: sign in again",
                type="session-ended",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return tokens

    async def _refresh(self, session: AsyncSession, token: str) -> api.Tokens | None:
        found = await self._locked(session, token)
        if found is None:
            return None
        row, holder = found
        now = utc_now()
        state = State(row.token_used_at is not None, row.token_expires_at, row.ended_at is not None)
        match presented(state, now):
            case Presented.TOO_LATE:
                return None
            case Presented.REUSED:
                log.warning("refresh token used twice", session=str(row.id), subject=row.subject)
                await self.end(session, row.subject, SESSION.c.id == row.id, because="reuse")
                return None
            case Presented.NEWEST:
                await session.execute(
                    update(REFRESH_TOKEN).where(REFRESH_TOKEN.c.digest == digest(token)).values(used_at=now)
                )
                await session.execute(update(SESSION).where(SESSION.c.id == row.id).values(used_at=now))
                return await self._hand_out(session, holder, row.id, row.expires_at, now)

    async def logout(self, token: str) -> None:
        """Ends the session of a refresh token, used or not; an unknown one is no error (RFC 7009)."""
        async with self._store.transaction() as session:
            found = await self._locked(session, token)
            if found is not None:
                row, _ = found
                await self.end(session, row.subject, SESSION.c.id == row.id, because="logout")

    async def of(self, subject: str, current: str | None) -> list[api.Session]:
        """Those that go on, newest first; `current` is the `sid` of the request."""
        query = (
            select(SESSION)
            .where(
                SESSION.c.subject == subject, SESSION.c.ended_at.is_(None), SESSION.c.expires_at > utc_now()
            )
            .order_by(SESSION.c.id.desc())
        )
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        return [
            api.Session(
                id=row.id,
                created_at=row.created_at,
                used_at=row.used_at,
                expires_at=row.expires_at,
                current=str(row.id) == current,
            )
            for row in rows
        ]

    async def goes_on(self, id: UUID, subject: str) -> bool:
        """Whether there is such a session and it has not ended."""
        query = select(SESSION.c.id).where(
            SESSION.c.id == id,
            SESSION.c.subject == subject,
            SESSION.c.ended_at.is_(None),
            SESSION.c.expires_at > utc_now(),
        )
        async with self._store.session() as session:
            return (await session.execute(query)).first() is not None

    async def end_one(self, subject: str, id: UUID) -> bool:
        """Ends one of the subject's own; whether there was such a session that went on."""
        async with self._store.transaction() as session:
            return bool(await self.end(session, subject, SESSION.c.id == id, because="ended"))

    async def end_everywhere(self, subject: str) -> None:
        """Ends all of a subject's."""
        async with self._store.transaction() as session:
            await self.end_all(session, subject, because="ended")

    async def end(
        self, session: AsyncSession, subject: str, *which: ColumnElement[bool], because: str
    ) -> Sequence[UUID]:
        """Ends those of a subject's sessions that go on, and has their access tokens refused everywhere."""
        ids = await self._end(session, subject, *which, because=because)
        now = utc_now()
        for id in ids:
            revoked = events.SessionRevoked(subject=subject, sid=id, revoked_before=now)
            await OUTBOX.add(session, events.SESSION_REVOKED, subject=subject, data=revoked)
        return ids

    async def end_all(self, session: AsyncSession, subject: str, *, because: str) -> None:
        """Ends all of a subject's, and has every access token refused that was issued up to now."""
        await self._end(session, subject, because=because)
        await self.revoke(session, subject)

    async def revoke(self, session: AsyncSession, subject: str) -> None:
        """Has the access tokens refused that were issued up to now; sessions go on and get new ones."""
        revoked = events.SessionRevoked(subject=subject, revoked_before=utc_now())
        await OUTBOX.add(session, events.SESSION_REVOKED, subject=subject, data=revoked)

    async def _end(
        self, session: AsyncSession, subject: str, *which: ColumnElement[bool], because: str
    ) -> Sequence[UUID]:
        going = select(SESSION.c.id).where(SESSION.c.subject == subject, SESSION.c.ended_at.is_(None), *which)
        ids = (await session.execute(going.order_by(SESSION.c.id).with_for_update())).scalars().all()
        await session.execute(
            update(SESSION).where(SESSION.c.id.in_(ids)).values(ended_at=utc_now(), ended_because=because)
        )
        return ids

    async def _hand_out(
        self, session: AsyncSession, holder: Holder, id: UUID, expires: datetime, now: datetime
    ) -> api.Tokens:
        secret = new_secret()
        token_expires = self._lifetimes.token_expires(now, expires)
        await session.execute(
            REFRESH_TOKEN.insert().values(digest=digest(secret), session_id=id, expires_at=token_expires)
        )
        return api.Tokens(
            access_token=self._issuer.token(holder.subject, holder.scopes, id),
            expires_in=self._issuer.seconds,
            refresh_token=secret,
            refresh_expires_at=token_expires,
            scope=" ".join(holder.scopes),
            subject=holder.subject,
            session_id=id,
        )

    async def _locked(self, session: AsyncSession, token: str) -> tuple[Any, Holder] | None:
        """Session and token under their locks, and for whom it is; None for a token that nobody was given."""
        of_token = SESSION.join(REFRESH_TOKEN, REFRESH_TOKEN.c.session_id == SESSION.c.id)
        where = REFRESH_TOKEN.c.digest == digest(token)
        whose = (
            select(SESSION.c.id, SESSION.c.subject, SESSION.c.account_id).select_from(of_token).where(where)
        )
        known = (await session.execute(whose)).first()
        if known is None:
            return None
        holder = Holder(known.subject, [api.GUEST])
        if known.account_id is not None:
            account = select(ACCOUNT).where(ACCOUNT.c.id == known.account_id).with_for_update()
            holder = Holder.of_account((await session.execute(account)).one())
        await session.execute(select(SESSION.c.id).where(SESSION.c.id == known.id).with_for_update())
        both = select(
            SESSION,
            REFRESH_TOKEN.c.used_at.label("token_used_at"),
            REFRESH_TOKEN.c.expires_at.label("token_expires_at"),
        )
        row = (await session.execute(both.select_from(of_token).where(where))).first()
        return None if row is None else (row, holder)
