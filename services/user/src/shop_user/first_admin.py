"""The first administrator comes from a Secret: somebody has to be able to grant the others their rights."""

import asyncio
from pathlib import Path

import structlog
from shop_chassis.problems import Problem
from shop_chassis.runtime import heed_cancellation
from shop_chassis.store import DATABASE_ERRORS, Store, first_line
from shop_contracts.user import api
from sqlalchemy import select

from shop_user import emails
from shop_user.accounts import create
from shop_user.passwords import Passwords, weakness
from shop_user.tables import ACCOUNT

log = structlog.get_logger(__name__)

AGAIN = 2.0
"""Seconds between two tries."""


class FirstAdmin:
    """Makes the account once, whichever replica comes first; a component of the service.

    An account that has the address already stays as it is, so a later password is not undone by a restart.
    Where the Secret is missing it is waited for.
    """

    def __init__(self, folder: Path, scopes: list[str], store: Store, passwords: Passwords) -> None:
        """`folder`: with the files `email` and `password`, as a Secret is mounted."""
        self._folder = folder
        self._scopes = scopes
        self._store = store
        self._passwords = passwords
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tries in the background until the database takes it."""
        self._task = asyncio.create_task(self._run(), name="first administrator")

    async def stop(self) -> None:
        """Ends trying."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def made(self) -> None:
        """Returns when it is done with."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        told = None
        while True:
            try:
                await self._make()
                return
            except (ValueError, Problem, *DATABASE_ERRORS) as error:
                if (reason := first_line(error)) != told:
                    log.warning("first administrator not made yet", reason=reason)
                told = reason
            heed_cancellation()
            await asyncio.sleep(AGAIN)

    async def _make(self) -> None:
        email, password = await asyncio.to_thread(self._read)
        async with self._store.session() as session:
            query = select(ACCOUNT.c.scopes).where(ACCOUNT.c.email_key == emails.key(email))
            there = (await session.execute(query)).scalar()
        if there is not None:
            if not set(self._scopes) <= set(there):
                log.warning(
                    "first administrator: that address has an account with fewer scopes", scopes=there
                )
            return
        if reason := weakness(password, email):
            raise ValueError(f"{self._folder / 'password'}: {reason}")
        password_hash = await self._passwords.hash(password)
        async with self._store.transaction() as session:
            made = await create(
                session,
                email=email,
                name="Administrator",
                password_hash=password_hash,
                preferences=api.Preferences(),
                scopes=self._scopes,
            )
        if made is not None:
            log.info("first administrator made", id=str(made))

    def _read(self) -> tuple[str, str]:
        email, password = ((self._folder / name).read_text().strip() for name in ("email", "password"))
        given = api.Registration(email=email, password=password)  # the same rules as for everybody
        return given.email, given.password
