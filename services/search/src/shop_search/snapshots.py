"""Snapshots of neighbours, read piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from shop_chassis.client import CallError, ServiceClient

PIECE = 500
"""Lines that are in memory at a time."""


class SnapshotError(Exception):
    """It could not be read to its end. Try again."""


class Line(Protocol):
    """What lines of all of them have."""

    end: int | None


Source = Callable[[], AsyncIterator[bytes]]
"""Begins to read: lines of JSON. Raises SnapshotError."""
L = TypeVar("L", bound=BaseModel)


async def pieces(lines: AsyncIterator[bytes], kind: type[L]) -> AsyncIterator[list[L]]:
    """Lines in groups. Raises SnapshotError where one is none, or the last one is missing."""
    waiting: list[bytes] = []
    number, end = 0, None
    async for line in lines:
        waiting.append(line)
        if len(waiting) == PIECE:
            piece = await asyncio.to_thread(_parsed, waiting, kind)
            number, end, waiting = number + len(piece), _end(piece), []
            yield piece
    piece = _parsed(waiting, kind)
    if (_end(piece) if piece else end) is None:
        raise SnapshotError(f"broken off after {number + len(piece)} lines")
    yield piece


def _parsed(lines: list[bytes], kind: type[L]) -> list[L]:
    try:
        return [kind.model_validate_json(line) for line in lines]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SnapshotError(f"a line is not what the contract says: {where}: {first['msg']}") from error


def _end(piece: list[L]) -> int | None:
    end: int | None = getattr(piece[-1], "end")  # noqa: B009 - of each kind of line
    return end


def snapshot_of(client: ServiceClient, route: str) -> Source:
    """A neighbour's."""

    async def read() -> AsyncIterator[bytes]:
        try:
            async for line in client.lines(route):
                yield line
        except CallError as error:
            raise SnapshotError(str(error)) from error

    return read
