"""A neighbour's snapshot, for who keeps a copy of what it has and follows its events.

A snapshot is lines of JSON; the last one says how many came before, so one that was broken off is known as
such. `Snapshot` reads one in pieces; `Beginning` takes one over into the service's own database, once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Generic, Protocol, Self, TypeVar

import structlog
from pydantic import ValidationError
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis.client import CallError
from shop_chassis.events.dialect import insert
from shop_chassis.events.retry import delay
from shop_chassis.runtime import heed_cancellation
from shop_chassis.store import DATABASE_ERRORS, Store
from shop_chassis.tables import utc_now

log = structlog.get_logger(__name__)

PIECE = 500
"""Lines that are in memory, and written in one transaction."""
MOST_PAUSE = 30.0
"""Seconds between two tries."""


class SnapshotError(Exception):
    """It could not be read to its end. Try again."""


class Line(Protocol):
    """What a contract's model of lines has."""

    @property
    def end(self) -> int | None:
        """Of the last line: how many that count came before."""

    @property
    def counts(self) -> bool:
        """Whether `end` counts it."""

    @classmethod
    def model_validate_json(cls, json_data: bytes, /) -> Self:
        """As pydantic has it. Raises ValidationError."""


class Client(Protocol):
    """What is needed of a ServiceClient."""

    def lines(self, route: str, /) -> AsyncGenerator[bytes, None]:
        """Raises CallError."""


L = TypeVar("L", bound=Line)


class Snapshot(Generic[L]):
    """A neighbour's, each time as it is then."""

    def __init__(self, client: Client, route: str, kind: type[L]) -> None:
        self._client = client
        self._route = route
        self._kind = kind

    async def pieces(self, size: int = PIECE) -> AsyncGenerator[list[L], None]:
        """All lines, in groups of that size. Raises SnapshotError, perhaps after the last one."""
        found, end = 0, None
        async with aclosing(self._groups(size)) as groups:
            async for group in groups:
                piece = await asyncio.to_thread(self._parsed, group)
                found, end = found + sum(line.counts for line in piece), piece[-1].end
                yield piece
        if end is None:
            raise SnapshotError(f"{self._route}: expected a last line, found none after {found}")
        if end != found:
            raise SnapshotError(f"{self._route}: expected {end} lines that count, found {found}")

    async def _groups(self, size: int) -> AsyncGenerator[list[bytes], None]:
        group: list[bytes] = []
        try:
            async with aclosing(self._client.lines(self._route)) as lines:
                async for line in lines:
                    group.append(line)
                    if len(group) == size:
                        yield group
                        group = []
        except CallError as error:
            raise SnapshotError(str(error)) from error
        if group:
            yield group

    def _parsed(self, lines: list[bytes]) -> list[L]:
        try:
            return [self._kind.model_validate_json(line) for line in lines]
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            said = f"{where}: {first['msg']}" if where else first["msg"]
            raise SnapshotError(f"{self._route}: a line is not what the contract says: {said}") from error


class Beginning(Generic[L]):
    """Takes a snapshot over once, for what no event is kept of any more; nothing waits for it.

    `write` leaves what events have told already as it is: so this may happen while events come, in several
    replicas, and again after a crash.
    """

    def __init__(
        self,
        store: Store,
        taken: Table,
        stream: str,
        snapshot: Snapshot[L],
        write: Callable[[AsyncSession, Sequence[L]], Awaitable[None]],
    ) -> None:
        """`taken` remembers it: columns `stream`, the key, and `read_at`. Each piece is one transaction."""
        self._store = store
        self._taken = taken
        self._stream = stream
        self._snapshot = snapshot
        self._write = write

    async def run(self) -> None:
        """Tries until it is done; then there is nothing more to do."""
        failures = 0
        while True:
            try:
                if not await self.done():
                    await self.read()
                await asyncio.get_running_loop().create_future()
            except (SnapshotError, *DATABASE_ERRORS) as error:
                heed_cancellation()
                failures += 1
                log.warning("snapshot not taken over yet", stream=self._stream, error=str(error))
                await asyncio.sleep(delay(failures, most=MOST_PAUSE))

    async def read(self) -> None:
        """Raises SnapshotError, and what the database raises."""
        count = 0
        async with aclosing(self._snapshot.pieces()) as pieces:
            async for piece in pieces:
                async with self._store.transaction() as session:
                    await self._write(session, piece)
                count += sum(line.counts for line in piece)
        async with self._store.transaction() as session:
            taken = insert(session, self._taken).values(stream=self._stream, read_at=utc_now())
            await session.execute(taken.on_conflict_do_nothing())
        log.info("snapshot taken over", stream=self._stream, count=count)

    async def done(self) -> bool:
        """Whether it was taken over, by whatever replica."""
        query = select(self._taken.c.stream).where(self._taken.c.stream == self._stream)
        async with self._store.session() as session:
            return (await session.execute(query)).first() is not None
