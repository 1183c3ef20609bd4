"""Answers that are longer than memory."""

from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.client import CallRefused, ClientMetrics, DeadlineExceeded, ServiceClient, Unreachable


class Parts(httpx.AsyncByteStream):
    """A body that comes as it is told, and may break."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def aclose(self) -> None:
        self.closed = True


def client(parts: Parts, status: int = 200) -> ServiceClient:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=parts))
    metrics = ClientMetrics(CollectorRegistry())
    return ServiceClient("catalog", "http://catalog", metrics=metrics, transport=transport)


async def read(parts: Parts, status: int = 200, into: list[bytes] | None = None) -> list[bytes]:
    found = [] if into is None else into
    async for line in client(parts, status).lines("/all"):
        found.append(line)
    return found


async def test_lines_are_put_together_whatever_the_pieces() -> None:
    lines = ['{"title":"a\u2028b"}'.encode(), b"", b"third"]
    body = b"\n".join(lines)
    for at in range(len(body)):
        assert await read(Parts(body[:at], body[at:])) == lines
    assert await read(Parts(body + b"\n")) == lines
    assert await read(Parts()) == []


@pytest.mark.parametrize(
    ("broken", "error"),
    [(httpx.RemoteProtocolError("gone"), Unreachable), (httpx.ReadTimeout("silent"), DeadlineExceeded)],
)
async def test_what_breaks_off_says_so_after_what_came(broken: Exception, error: type[Exception]) -> None:
    parts, found = Parts(b"one\ntw", broken), list[bytes]()
    with pytest.raises(error):
        await read(parts, into=found)
    assert found == [b"one"]
    assert parts.closed


async def test_a_refusal_is_one() -> None:
    with pytest.raises(CallRefused):
        await read(Parts(b"no"), 403)


async def test_who_stops_reading_closes_it() -> None:
    parts = Parts(b"one\ntwo\n", b"three\n")
    lines = client(parts).lines("/all")
    assert await anext(lines) == b"one"
    await lines.aclose()
    assert parts.closed
