"""What the shop remembers of a browser: one record in Redis, found by an opaque cookie.

The cookie's value is 192 random bits; the record is kept under a digest of it, so who reads the store cannot
take over a session. A browser's first page makes no record: there is one once there is something to remember.
"""

import secrets
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from shop_chassis.cache import Cache, Entry, Found, Writes

TTL = 30 * 86400.0
"""Seconds without a visit after which a browser is forgotten."""
RECENT = 12
"""Products that are remembered as recently seen."""
_ID_LENGTH = 32


class Notice(BaseModel):
    """A sentence that the next page shows once."""

    model_config = ConfigDict(frozen=True)

    text: str
    kind: Literal["info", "success", "warning", "error"] = "info"


class Session(BaseModel):
    """The record. Everything in it has a default, so one of an older version can be read."""

    model_config = ConfigDict(frozen=True)

    visitor: str = ""
    """In `page.viewed`, for shoppers without a token; the same after signing in."""
    subject: str | None = None
    scope: str = ""
    access_token: str = ""
    access_until: float = 0.0
    """Unix time."""
    refresh_token: str = ""
    name: str = ""
    """Of who is signed in; their e-mail address where they gave none."""
    locale: str | None = None
    """Of their preferences."""
    guest_cart: str | None = None
    """Id of the cart of somebody who is not signed in."""
    guest: str | None = None
    """Id of the session with the tokens of the guest that somebody was before they signed in."""
    cart_count: int = 0
    """Pieces in the cart, as the last answer of cart had it: pages show it without asking."""
    recent: tuple[UUID, ...] = ()
    """Products, last seen first."""
    notices: tuple[Notice, ...] = ()
    checkout: dict[str, Any] = {}
    """What was entered at the checkout so far; JSON."""

    @property
    def signed_in(self) -> bool:
        """Whether it is somebody's with an account."""
        return "shop" in self.scope.split()

    @property
    def admin(self) -> bool:
        """Whether they may do more than shop."""
        return any(each.endswith(":admin") for each in self.scope.split())

    def seen(self, product: UUID) -> "Session":
        """With the product as the one that was seen last."""
        others = [each for each in self.recent if each != product]
        return self.model_copy(update={"recent": (product, *others)[:RECENT]})

    def with_notice(self, text: str, kind: Literal["info", "success", "warning", "error"]) -> "Session":
        """With one more sentence for the next page."""
        return self.model_copy(update={"notices": (*self.notices, Notice(text=text, kind=kind))[-5:]})

    def tokens_alone(self) -> "Session":
        """What it takes to act in the same name."""
        return Session(
            subject=self.subject,
            scope=self.scope,
            access_token=self.access_token,
            access_until=self.access_until,
            refresh_token=self.refresh_token,
        )

    def signed_out(self) -> "Session":
        """What is left of it when its tokens are worth nothing any more."""
        return Session(visitor=self.visitor, locale=self.locale, notices=self.notices)


Change = Callable[[Session], Session]


def new_id() -> str:
    """A cookie's value."""
    return secrets.token_urlsafe(24)


def is_id(value: str) -> bool:
    """Whether it looks like one of ours."""
    return len(value) == _ID_LENGTH and value.replace("-", "").replace("_", "").isalnum() and value.isascii()


def visitor_of(id: str) -> str:
    """The visitor's name that belongs to a cookie; nobody finds the cookie by it."""
    return _digest(id, b"visitor")[:24]


class Sessions:
    """All of them, in the cache that the replicas share."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def load(self, id: str) -> Session | None:
        """The record, whose time starts again. Raises CacheUnavailable."""
        return _parse(await self._cache.get(_key(id), touch=TTL))

    async def change(self, id: str, change: Change) -> Session:
        """Replaces the record by what `change` makes of the newest. Raises CacheUnavailable."""
        key = _key(id)

        def write(found: Found) -> tuple[Writes, Session]:
            after = change(_parse(found[key]) or Session(visitor=visitor_of(id)))
            return {key: _entry(after)}, after

        return await self._cache.update([key], write)

    async def move(self, old: str, new: str, change: Change) -> Session:
        """The same under another cookie: at sign-in and sign-out, so that a planted one is worth nothing."""
        before, after = _key(old), _key(new)

        def write(found: Found) -> tuple[Writes, Session]:
            moved = change(_parse(found[before]) or Session(visitor=visitor_of(old)))
            return {before: None, after: _entry(moved)}, moved

        return await self._cache.update([before, after], write)

    async def forget(self, id: str) -> None:
        """The record is gone. Raises CacheUnavailable."""
        await self._cache.delete(_key(id))

    async def claim(self, id: str, what: str, seconds: float) -> bool:
        """Whether this caller is the only one to do `what` for the session until `release`."""
        key = f"{_key(id)}:{what}"

        def write(found: Found) -> tuple[Writes, bool]:
            return ({}, False) if found[key] else ({key: Entry(str(time.time()).encode(), seconds)}, True)

        return await self._cache.update([key], write)

    async def release(self, id: str, what: str) -> None:
        """Ends a claim."""
        await self._cache.delete(f"{_key(id)}:{what}")


def _digest(id: str, person: bytes) -> str:
    return blake2b(id.encode(), digest_size=24, person=person).hexdigest()


def _key(id: str) -> str:
    return f"session:{_digest(id, b'record')}"


def _entry(session: Session) -> Entry:
    return Entry(session.model_dump_json(exclude_defaults=True).encode(), TTL)


def _parse(stored: bytes | None) -> Session | None:
    try:
        return None if stored is None else Session.model_validate_json(stored)
    except ValidationError:
        return None  # of a version that had other fields: the browser begins anew
