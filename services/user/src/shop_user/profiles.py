"""What an account says about its owner, and what administrators do with it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.user import api
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user import emails
from shop_user.accounts import gone, lock, locked
from shop_user.sessions import Sessions
from shop_user.tables import ACCOUNT

Matches = Callable[[int], None]
"""Raises where a change is based on another version than this."""

ADMIN = "user:admin"

_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class Profiles:
    """Accounts, as their owners, other services and administrators see them."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    async def mine(self, id: UUID) -> api.Profile:
        """Raises Problem 404 when it was erased meanwhile."""
        return _profile(await self._own(id))

    async def change(self, id: UUID, changes: api.ProfileChanges, matches: Matches) -> api.Profile:
        """Raises Problem 404, and what `matches` raises."""
        values = changes.model_dump(exclude_none=True)
        return _profile(await self._update(id, values, matches))

    async def preferences(self, id: UUID) -> tuple[api.Preferences, int]:
        """With the account's version. Raises Problem 404."""
        account = await self._own(id)
        return api.Preferences(**account.preferences), account.version

    async def set_preferences(
        self, id: UUID, wanted: api.Preferences, matches: Matches
    ) -> tuple[api.Preferences, int]:
        """With the account's version. Raises Problem 404, and what `matches` raises."""
        account = await self._update(id, {"preferences": wanted.model_dump(mode="json")}, matches)
        return api.Preferences(**account.preferences), account.version

    async def for_services(self, id: UUID) -> api.User:
        """Raises Problem 404."""
        account = await self._found(id)
        if account.erased_at is not None:
            raise unknown(id)
        return api.User(
            id=account.id,
            email=account.email,
            name=account.name,
            locked=account.locked_at is not None,
            preferences=api.Preferences(**account.preferences),
        )

    async def page(
        self, *, email: str | None, state: api.AccountState | None, limit: int, after: str | None
    ) -> api.AdminUserPage:
        """Newest first. Raises Problem 422 for a foreign cursor."""
        query = select(ACCOUNT).order_by(ACCOUNT.c.id.desc()).limit(limit + 1)
        if email is not None:
            query = query.where(ACCOUNT.c.email_key == emails.key(email))
        match state:
            case "erased":
                query = query.where(ACCOUNT.c.erased_at.is_not(None))
            case "locked":
                query = query.where(ACCOUNT.c.locked_at.is_not(None))
            case "active":
                query = query.where(ACCOUNT.c.locked_at.is_(None), ACCOUNT.c.erased_at.is_(None))
        if after is not None:
            query = query.where(ACCOUNT.c.id < key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        items = rows[:limit]
        return api.AdminUserPage(
            items=[admin_user(row) for row in items],
            next=cursor(items[-1].id) if len(rows) > limit else None,
        )

    async def admin_user(self, id: UUID) -> api.AdminUser:
        """Raises Problem 404."""
        return admin_user(await self._found(id))

    async def lock_out(self, id: UUID, reason: str, *, by: str) -> api.AdminUser:
        """Nobody signs in any more, and whoever is signed in is not. Raises Problem 404, 409."""
        _not_oneself(id, by)
        async with self._store.transaction() as session:
            account = await _existing(session, id)
            if account.locked_at is None:
                account = await _set(session, account, {"locked_at": utc_now(), "locked_reason": reason})
            await self._sessions.end_all(session, str(id), because="locked")
        return admin_user(account)

    async def unlock(self, id: UUID) -> api.AdminUser:
        """Its owner can sign in again. Raises Problem 404."""
        async with self._store.transaction() as session:
            account = await _existing(session, id)
            if account.locked_at is not None:
                account = await _set(session, account, {"locked_at": None, "locked_reason": None})
        return admin_user(account)

    async def end_sessions(self, id: UUID) -> None:
        """Its owner has to sign in again, everywhere. Raises Problem 404."""
        async with self._store.transaction() as session:
            await _existing(session, id)
            await self._sessions.end_all(session, str(id), because="administrator")

    async def grant(self, id: UUID, scopes: list[str], matches: Matches, *, by: str) -> api.AdminUser:
        """Exactly these; tokens with others are refused from now on. Raises Problem 404, 409."""
        wanted = sorted(set(scopes))
        if ADMIN not in wanted:
            _not_oneself(id, by)
        async with self._store.transaction() as session:
            account = await _existing(session, id)
            matches(account.version)
            if wanted != account.scopes:
                account = await _set(session, account, {"scopes": wanted})
                await self._sessions.revoke(session, str(id))
        return admin_user(account)

    async def _own(self, id: UUID) -> Any:
        try:
            account = await self._found(id)
        except Problem:
            raise gone() from None
        if account.erased_at is not None:
            raise gone()
        return account

    async def _found(self, id: UUID) -> Any:
        async with self._store.session() as session:
            row = (await session.execute(select(ACCOUNT).where(ACCOUNT.c.id == id))).first()
        if row is None:
            raise unknown(id)
        return row

    async def _update(self, id: UUID, values: dict[str, Any], matches: Matches) -> Any:
        async with self._store.transaction() as session:
            account = await locked(session, id)
            matches(account.version)
            if all(getattr(account, name) == value for name, value in values.items()):
                return account
            return await _set(session, account, values)


def unknown(id: UUID) -> Problem:
    """Nobody has this id, or nobody any more."""
    return Problem(404, f"there is no user {id}")


def admin_user(account: Any) -> api.AdminUser:
    """A row of ACCOUNT as administrators see it."""
    state: api.AccountState = "active"
    if account.locked_at is not None:
        state = "locked"
    if account.erased_at is not None:
        state = "erased"
    return api.AdminUser(
        id=account.id,
        email=account.email,
        name=account.name,
        state=state,
        scopes=account.scopes,
        locked_reason=account.locked_reason,
        created_at=account.created_at,
        last_login_at=account.last_login_at,
        version=account.version,
    )


def _profile(account: Any) -> api.Profile:
    return api.Profile(
        id=account.id,
        email=account.email,
        name=account.name,
        scopes=[api.SHOP, *account.scopes],
        created_at=account.created_at,
        version=account.version,
    )


async def _existing(session: AsyncSession, id: UUID) -> Any:
    row = await lock(session, id)
    if row is None:
        raise unknown(id)
    return row


async def _set(session: AsyncSession, account: Any, values: dict[str, Any]) -> Any:
    changed = (
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account.id)
        .values(**values, version=account.version + 1)
        .returning(*ACCOUNT.c)
    )
    return (await session.execute(changed)).one()


def _not_oneself(id: UUID, by: str) -> None:
    if str(id) == by:
        raise Problem(
            409, "administrators cannot shut themselves out; another one can do that", type="own-account"
        )
