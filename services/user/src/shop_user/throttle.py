"""Brute force is made slow: the more tries of late, the longer until the next one is looked at.

A try is counted before it is looked at, in a transaction of its own, so a thousand at once are no way around.
What turns out to have been right is taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from shop_chassis.events.dialect import insert
from shop_chassis.tables import utc_now
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user import emails
from shop_user.tables import ATTEMPTS


@dataclass(frozen=True)
class Limit:
    """How many tries are free, and how the wait after each further one grows: doubling up to `longest`."""

    name: str
    free: int
    first: timedelta
    longest: timedelta
    forgotten: timedelta
    """After so long without a try the count begins anew."""

    def wait(self, count: int) -> timedelta:
        """From the `count`-th try until the next is looked at; 0 while they are free."""
        beyond = count - self.free
        if beyond < 0:
            return timedelta(0)
        doubled: timedelta = self.first * 2 ** min(beyond, 30)
        return min(doubled, self.longest)


LOGIN_OF_ACCOUNT = Limit("account", 5, timedelta(seconds=1), timedelta(minutes=15), timedelta(days=1))
"""About 100 guesses a day at one account, from wherever (NIST SP 800-63B, section 3.2.2)."""
LOGIN_FROM_ADDRESS = Limit("address", 100, timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=1))
"""Many shoppers may share one, so what they get right does not count."""
MAIL_TO_ADDRESS = Limit("mail", 3, timedelta(minutes=1), timedelta(hours=6), timedelta(days=1))
"""Nobody's inbox is filled by others."""


@dataclass(frozen=True)
class Key:
    """What is counted, and by which limit."""

    limit: Limit
    name: str

    @classmethod
    def of(cls, limit: Limit, whom: str) -> "Key":
        """`whom` is not stored, only a digest."""
        return cls(limit, f"{limit.name}:{sha256(whom.encode()).hexdigest()[:40]}")

    @classmethod
    def of_email(cls, limit: Limit, email: str) -> "Key":
        """The same for all spellings of an e-mail address."""
        return cls(limit, f"{limit.name}:{emails.digest(email)}")


async def charge(session: AsyncSession, keys: Sequence[Key]) -> timedelta:
    """Counts a try for all of them, unless one is blocked; how long it still is, 0 for a try that counts.

    The rows stay locked until the transaction ends.
    """
    rows = {key: await _locked(session, key) for key in sorted(keys, key=lambda key: key.name)}
    now = utc_now()  # the locks may have taken a while
    counts = {
        key: 0 if row.updated_at < now - key.limit.forgotten else row.tries for key, row in rows.items()
    }
    waits = [rows[key].blocked_until - now for key, tries in counts.items() if key.limit.wait(tries)]
    if (blocked := max(waits, default=timedelta(0))) > timedelta(0):
        return blocked
    for key, tries in counts.items():
        await session.execute(
            update(ATTEMPTS)
            .where(ATTEMPTS.c.key == key.name)
            .values(tries=tries + 1, blocked_until=now + key.limit.wait(tries + 1), updated_at=now)
        )
    return timedelta(0)


async def forget(session: AsyncSession, key: Key) -> None:
    """What was counted for it has shown to be right."""
    await session.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key == key.name))


async def refund(session: AsyncSession, key: Key) -> None:
    """The last try was right: one less, and nobody waits for it."""
    await session.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.key == key.name, ATTEMPTS.c.tries > 0)
        .values(tries=ATTEMPTS.c.tries - 1, blocked_until=ATTEMPTS.c.updated_at)
    )


async def _locked(session: AsyncSession, key: Key) -> Any:
    """The row of the key, made if need be, nobody else's until the transaction ends."""
    now = utc_now()
    new = insert(session, ATTEMPTS).values(key=key.name, tries=0, blocked_until=now, updated_at=now)
    locking = new.on_conflict_do_update(index_elements=[ATTEMPTS.c.key], set_={"key": new.excluded.key})
    return (await session.execute(locking.returning(*ATTEMPTS.c))).one()
