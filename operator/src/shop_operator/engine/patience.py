"""What lets Kopf live through refusals that it takes for the end: some it retries for a while, others not."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import aiohttp

# Answers to a watch after which only a new list helps, as in cluster.reflector; Kopf retries the others.
LIST_AGAIN = (400, 410, 500)


class Backoffs:
    """Seconds between attempts, without end: what else than to try again could the operator do?"""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.1, 0.5, 1, 2, 5), itertools.repeat(10))


class WatchResponse(aiohttp.ClientResponse):
    """Says of every watch that cannot go on what Kopf understands: an ERROR event of code 410.

    At that it lists again. An HTTP status, or an ERROR of another code, would end the operator.
    """

    async def start(self, connection: Any) -> WatchResponse:
        """Read the header. What a watch was refused with becomes its only event."""
        await super().start(connection)
        if "watch" in self.url.query:
            if self.status in LIST_AGAIN:
                refusal = (await self.read()).decode(errors="replace")
                self._show(_once(_expired(refusal)))
                self.status = 200
            elif self.status == 200:
                self._show(_events(self.content.iter_any()))
        return self

    def _show(self, lines: AsyncIterator[bytes]) -> None:
        self.content = cast(aiohttp.StreamReader, _Content(self.content, lines))


class _Content:
    """A response's content that is read as other lines than were sent."""

    def __init__(self, sent: aiohttp.StreamReader, lines: AsyncIterator[bytes]) -> None:
        self._sent, self._lines = sent, lines

    def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """How Kopf reads a watch."""
        return self._lines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sent, name)


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield (_expired(line.decode()) if line.startswith(b'{"type":"ERROR"') else line) + b"\n"


async def _once(line: bytes) -> AsyncIterator[bytes]:
    yield line + b"\n"


def _expired(reason: str) -> bytes:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": reason}
    return json.dumps({"type": "ERROR", "object": status}, separators=(",", ":")).encode()
