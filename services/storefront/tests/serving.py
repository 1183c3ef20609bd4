"""A storefront in this process, with a port of its own; neighbours can be away, deaf, or lost on the way."""

import asyncio
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from shop_chassis.events import MemoryBus
from shop_chassis.server import listen, serving
from shop_chassis.service import create_app
from shop_storefront.service import service
from shop_storefront.sessions import Session, new_id, visitor_of
from shop_storefront.site import Site

from .conftest import told

HOST = "127.0.0.1"


class Line:
    """The way to a neighbour, which can be cut."""

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._ends: set[asyncio.StreamWriter] = set()

    async def lay(self) -> str:
        """The URL of its near end."""
        self._server = await asyncio.start_server(self._carry, HOST, 0)
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def cut(self) -> None:
        """Nobody answers any more, and what was under way is lost."""
        self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection(self._there.hostname, self._there.port)
        self._ends |= {back, on}
        await asyncio.gather(_pass_on(near, on), _pass_on(far, back), return_exceptions=True)
        self._ends -= {back, on}


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(1 << 16):
            sink.write(piece)
            await sink.drain()
    finally:
        sink.close()


@dataclass(frozen=True)
class Served:
    """A storefront that answers."""

    url: str
    _app: FastAPI
    _portal: BlockingPortal
    """Into its thread."""
    _lines: Mapping[str, Line]

    def knows(self, session: Session) -> dict[str, str]:
        """The cookie of a browser of whom it remembers this."""
        id, site = new_id(), self._app.state.runtime.get(Site)
        kept = session.model_copy(update={"visitor": visitor_of(id)})
        self._portal.call(site.sessions.change, id, lambda _: kept)
        return {"name": "shop", "value": id, "url": self.url}

    def loses(self, name: str) -> None:
        """That neighbour, of those behind a line, is away from now on."""
        self._portal.call(self._lines[name].cut)


@contextmanager
def served(
    urls: Mapping[str, str],
    *,
    without: Collection[str] = (),
    deaf: Collection[str] = (),
    on_lines: Collection[str] = (),
    **settings: Any,
) -> Iterator[Served]:
    """A new one, which remembers nothing. Of its neighbours nobody listens where those `without` were; the
    `deaf` take connections and never answer; those `on_lines` can be lost.
    """
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        lines = {name: Line(urls[name]) for name in on_lines}
        there = {name: url for name, url in urls.items() if name not in without}
        for name, line in lines.items():
            there[name] = portal.call(line.lay)
            stack.callback(portal.call, line.cut)
        for name in deaf:
            listener = stack.enter_context(socket.create_server((HOST, 0)))
            there[name] = f"http://{HOST}:{listener.getsockname()[1]}"
        known = told(there, shutdown_seconds=1, **settings)
        app, listener = create_app(service, known, bus=MemoryBus()), listen(HOST, 0)
        stack.enter_context(portal.wrap_async_context_manager(serving(app, known, listener)))
        yield Served(f"http://{HOST}:{listener.getsockname()[1]}", app, portal, lines)
