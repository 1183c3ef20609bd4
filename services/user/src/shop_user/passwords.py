"""Passwords: which are accepted, and how they are kept.

Rules: NIST SP 800-63B, section 3.1.1: length, no composition, no common ones. Storage: argon2id with the
least memory that OWASP advises (19 MiB, t=2, p=1), in a few threads, since each check in work holds as much.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from threading import Lock
from typing import Any, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from shop_chassis.problems import Problem

from shop_user import emails

T = TypeVar("T")

MEMORY_KIB = 19 * 1024
ROUNDS = 2
LANES = 1

COMMON = frozenset((files("shop_user") / "common_passwords.txt").read_text().split())
"""Those of the lists of leaked passwords that are long enough to be accepted otherwise."""

FEWEST_CHARACTERS = 5
"""Different ones: `aaaaaaaaaaaa` and `121212121212` are long and worth nothing."""


def weakness(password: str, *known: str) -> str | None:
    """Why a new password is refused; None when it is not. `known`: what others know of its owner."""
    said = prepared(password).casefold()
    if said in COMMON:
        return "it is among the most common passwords; choose another, several words for example"
    if len(set(said)) < FEWEST_CHARACTERS:
        return f"it has fewer than {FEWEST_CHARACTERS} different characters; choose another"
    told = {part for text in known for part in (emails.key(text), emails.key(text).partition("@")[0])}
    if said in told:
        return "it is the e-mail address or name of the account; choose another"
    return None


def prepared(password: str) -> str:
    """The same however a keyboard composes its characters (NIST SP 800-63B, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Makes and checks hashes, at most `workers` at a time; a component of the service."""

    def __init__(self, *, workers: int, waiting: int, memory_kib: int = MEMORY_KIB) -> None:
        """`waiting`: how many may wait for a worker before others are refused."""
        self._hasher = PasswordHash((Argon2Hasher(ROUNDS, memory_kib, LANES),))
        self._most = workers + waiting
        self._under_way = 0
        self._counting = Lock()
        self._pool = ThreadPoolExecutor(workers, "password")
        self._nobody = self._hasher.hash("what a password is compared with where there is no account")

    async def start(self) -> None:
        """Threads come with the first password."""

    async def stop(self) -> None:
        """Nothing more is begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """To be stored. Raises Problem 503."""
        return await self._run(self._hasher.hash, prepared(password))

    async def check(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is the one, and if so a new hash where the stored one has other parameters.

        None, for an account that does not exist, takes as long and is never right. Raises Problem 503.
        """
        right, renewed = await self._run(
            self._hasher.verify_and_update, prepared(password), stored or self._nobody
        )
        return (right, renewed) if stored else (False, None)

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._under_way >= self._most:
            raise Problem(
                503, "too many passwords are being checked; try again", headers={"Retry-After": "1"}
            )
        with self._counting:
            self._under_way += 1
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(self._over)  # in the worker's thread, also when nobody waits any more
        return await asyncio.wrap_future(future)

    def _over(self, _future: Future[Any]) -> None:
        with self._counting:
            self._under_way -= 1
