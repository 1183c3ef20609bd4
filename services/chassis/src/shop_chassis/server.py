"""One uvicorn server per process, which goes away without failing a request.

SIGTERM: readiness goes off and answers carry `Connection: close`, so that balancers and clients turn
to other pods; after the drain time no more connections are accepted; what still runs is finished; then
components stop. A second SIGTERM, or SIGINT, ends the drain at once.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from shop_chassis.runtime import Runtime
from shop_chassis.settings import Settings

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 75
"""Of idle connections: longer than clients keep one, so that they close it and no request crosses the end."""


class CannotListen(Exception):  # noqa: N818 - named for what happened
    """The port is taken or not allowed."""


def serve(app: FastAPI, settings: Settings) -> int:
    """Answers until SIGTERM or SIGINT; returns the exit code."""
    listener = listen(settings.listen_address, settings.port)
    log.info("listening", address=settings.listen_address, port=listener.getsockname()[1])
    server = _Server(_config(app, settings, "on"), app.state.runtime, settings.drain_seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener]))
    return 0


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings, listener: socket.socket) -> AsyncIterator[None]:
    """Answers on `listener` for the length of the block, beside other services of the process.

    Signals are the caller's affair. What a component raises at its start comes out here.
    """
    async with app.router.lifespan_context(app):
        server = _Beside(_config(app, settings, "off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            app.state.runtime.draining = True
            server.should_exit = True
            await task


def _config(app: FastAPI, settings: Settings, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(settings.shutdown_seconds),
    )


class _Beside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: there are other servers in this process."""
        yield


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, runtime: Runtime[Settings], drain_seconds: float) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then what is there stays for as long as the process, and no collection looks at it.

        All modules and models are a few hundred thousand objects: to walk through them stops every request
        for a tenth of a second (docs.python.org/3/library/gc.html, gc.freeze).
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Instead of uvicorn's handlers, which stop accepting at once and end the process by the signal."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain)
        loop.add_signal_handler(signal.SIGINT, self._stop_now)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            self._runtime.draining = True

    def _drain(self) -> None:
        if self._runtime.draining:
            self._stop_now()
            return
        log.info("draining", seconds=self._drain_seconds)
        self._runtime.draining = True
        asyncio.get_running_loop().call_later(self._drain_seconds, self._stop_now)

    def _stop_now(self) -> None:
        self._runtime.draining = True
        self.should_exit = True


def listen(address: str, port: int) -> socket.socket:
    """A socket that is bound and listens; port 0 is a free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {address}:{port}: {error.strerror}; set PORT to a free one"
        ) from error
    listener.setblocking(False)
    return listener
