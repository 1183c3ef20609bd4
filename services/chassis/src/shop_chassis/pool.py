"""Connections in turn: whoever has waited longest for one gets the next.

SQLAlchemy's own queue gives a connection to whoever asks when it comes back, who is rarely one of those that
wait (https://github.com/sqlalchemy/sqlalchemy/issues/7679): a pod with more work than it can do then answers
half of its requests soon, and lets others wait until they fail.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

_beside: ContextVar[bool] = ContextVar("beside", default=False)


class Line(AsyncAdaptedQueue[Any]):
    """Free connections. One that comes back while somebody waits is handed over, and is never free."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._waiting: deque[asyncio.Future[Any]] = deque()

    def put_nowait(self, item: Any) -> None:
        """Hands it over, or keeps it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """A free one, else the next in turn; raises Empty after `timeout` s, or without `block` at once."""
        if not block or not self.empty():
            return self.get_nowait()
        try:
            return await_only(self._next(timeout))
        except TimeoutError:
            raise Empty from None

    async def _next(self, seconds: float | None) -> Any:
        turn = asyncio.get_running_loop().create_future()
        stand = self._waiting.appendleft if _beside.get() else self._waiting.append
        stand(turn)
        try:
            async with asyncio.timeout(seconds):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.put_nowait(turn.result())  # handed over as the time was up
            raise


class InTurn(AsyncAdaptedQueuePool):
    """For `create_async_engine(poolclass=…)`."""

    _queue_class = Line


@contextmanager
def beside_the_line() -> Iterator[None]:
    """Who asks in this block gets the next connection, however many others wait."""
    token = _beside.set(True)
    try:
        yield
    finally:
        _beside.reset(token)
