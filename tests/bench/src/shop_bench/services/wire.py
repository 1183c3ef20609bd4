"""HTTP/1.1 on kept connections, with as little between request and socket as there can be.

The load must cost less than what it loads; a general client of Python costs as much as a handler. Bytes that
are ready are written, and uvicorn's own parser (httptools) reads the answer.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes


class Connections:
    """Kept connections to one server: a request takes a free one, or opens one more."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\n"
        self._free: list[_Connection] = []

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        """A request's bytes; the body is sent as JSON, `Idempotency_Key` as `Idempotency-Key`."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1\r\n", self._head]
        lines += [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n")
        return "".join(lines).encode() + b"\r\n" + content

    async def exchange(self, request: bytes) -> Answer:
        """The answer. Raises OSError where there is none."""
        connection = self._kept() or await self._open()
        try:
            answer = await connection.exchange(request)
        except BaseException:
            connection.close()  # the answer may still come, and would be the next request's
            raise
        if connection.open:
            self._free.append(connection)
        return answer

    def close(self) -> None:
        """Gives up those that are free."""
        while self._free:
            self._free.pop().close()

    def _kept(self) -> "_Connection | None":
        while self._free:
            if (connection := self._free.pop()).open:
                return connection
        return None

    async def _open(self) -> "_Connection":
        _, protocol = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return protocol


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.open = False
        self._parser = HttpResponseParser(self)
        self._body = b""
        self._answer: asyncio.Future[Answer] | None = None

    async def exchange(self, request: bytes) -> Answer:
        self._answer, self._body = asyncio.get_running_loop().create_future(), b""
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.open = False
        self._transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none of asyncio's classes.
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._failed(ConnectionError(f"no HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._failed(exc if isinstance(exc, OSError) else ConnectionResetError())

    # Called by the parser.

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.open = self.open and self._parser.should_keep_alive()
        if not self.open:
            self._transport.close()
        if self._answer and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), self._body))

    def _failed(self, error: OSError) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
