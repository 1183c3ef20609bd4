"""Snapshots of neighbours: read to their end or not at all, taken over once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from shop_chassis import snapshots
from shop_chassis.client import Unreachable
from shop_chassis.settings import Settings
from shop_chassis.snapshots import Beginning, Snapshot, SnapshotError
from shop_chassis.store import Store
from shop_chassis.tables import UtcDateTime
from sqlalchemy import Column, Integer, MetaData, String, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

METADATA = MetaData()
TAKEN = Table(
    "snapshot",
    METADATA,
    Column("stream", String(64), primary_key=True),
    Column("read_at", UtcDateTime, nullable=False),
)
THING = Table("thing", METADATA, Column("number", Integer, primary_key=True))


class Line(BaseModel):
    thing: int | None = None
    end: int | None = None

    @property
    def counts(self) -> bool:
        return self.thing is not None


class Neighbour:
    """Gives the lines that it has, as often as it is asked; breaks off where an error stands."""

    def __init__(self, *lines: Line | bytes | Exception) -> None:
        self.given = list(lines)
        self.asked = self.ended = 0

    async def lines(self, route: str) -> AsyncGenerator[bytes, None]:
        assert route == "/all"
        self.asked += 1
        try:
            for line in self.given:
                if isinstance(line, Exception):
                    raise line
                yield line if isinstance(line, bytes) else line.model_dump_json().encode()
        finally:
            self.ended += 1


def things(count: int) -> list[Line]:
    """A line that does not count, so many that do, and the end."""
    return [Line(), *(Line(thing=number) for number in range(count)), Line(end=count)]


def of(neighbour: Neighbour) -> Snapshot[Line]:
    return Snapshot(neighbour, "/all", Line)


async def read(neighbour: Neighbour, size: int = 2) -> list[list[Line]]:
    return [piece async for piece in of(neighbour).pieces(size)]


@settings(deadline=None)
@given(count=st.integers(0, 12), size=st.integers(1, 15))
def test_all_lines_come_in_pieces_of_a_size(count: int, size: int) -> None:
    pieces = asyncio.run(read(Neighbour(*things(count)), size))
    assert [line for piece in pieces for line in piece] == things(count)
    assert all(len(piece) == size for piece in pieces[:-1])
    assert 1 <= len(pieces[-1]) <= size


@settings(deadline=None)
@given(count=st.integers(0, 12), size=st.integers(1, 15), data=st.data())
def test_without_one_of_its_lines_it_is_none(count: int, size: int, data: st.DataObject) -> None:
    lines = things(count)
    del lines[data.draw(st.integers(1, count + 1))]
    with pytest.raises(SnapshotError, match="expected"):
        asyncio.run(read(Neighbour(*lines), size))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Unreachable("catalog", "/all", "gone"), "gone"),
        (b"{", "a line is not what the contract says: "),
        (b'{"thing": "x"}', "a line is not what the contract says: thing: "),
    ],
)
async def test_what_breaks_off_says_why(broken: bytes | Exception, said: str) -> None:
    neighbour = Neighbour(*things(3)[:3], broken)
    with pytest.raises(SnapshotError, match=said):
        await read(neighbour)
    assert neighbour.ended == 1


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/test.db" if sqlite else request.getfixturevalue("postgres_url")
    made = Store(Settings(database_url=url), "test")
    async with made.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield made
    await made.stop()


async def write(session: AsyncSession, lines: Sequence[Line]) -> None:
    """Fails for what is there already: nothing may be taken over twice."""
    if rows := [{"number": line.thing} for line in lines if line.counts]:
        await session.execute(THING.insert(), rows)


async def taken(store: Store) -> list[int]:
    async with store.session() as session:
        return sorted((await session.execute(select(THING.c.number))).scalars())


def beginning(store: Store, neighbour: Neighbour, write: Any = write) -> Beginning[Line]:
    return Beginning(store, TAKEN, "catalog", of(neighbour), write)


async def test_it_is_taken_over_once_however_often_the_service_starts(store: Store) -> None:
    neighbour = Neighbour(*things(3))
    for _ in range(2):
        running = asyncio.create_task(beginning(store, neighbour).run())
        async with asyncio.timeout(30):
            while not await beginning(store, neighbour).done():
                await asyncio.sleep(0.01)
        running.cancel()
    assert await taken(store) == [0, 1, 2]
    assert neighbour.asked == 1


async def test_it_is_tried_until_it_comes_to_its_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_PAUSE", 0.01)
    neighbour = Neighbour(Line(), Unreachable("catalog", "/all", "away"))
    running = asyncio.create_task(beginning(store, neighbour).run())
    async with asyncio.timeout(30):
        while neighbour.asked < 2:
            await asyncio.sleep(0.01)
        assert not await beginning(store, neighbour).done()
        neighbour.given = [*things(2)]
        while not await beginning(store, neighbour).done():
            await asyncio.sleep(0.01)
    running.cancel()
    assert await taken(store) == [0, 1]


async def test_two_replicas_may_take_it_over_at_a_time(store: Store) -> None:
    async def seen(session: AsyncSession, lines: Sequence[Line]) -> None:
        pass

    both = [beginning(store, Neighbour(*things(3)), seen) for _ in range(2)]
    await asyncio.gather(*(each.read() for each in both))
    assert await both[0].done()
