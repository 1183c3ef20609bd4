"""Connections that do not live long.

A Kubernetes Service spreads connections over pods, not requests: a client that keeps its connections never
reaches a pod that was added later. httpx closes only idle ones, so whole pools are replaced here.
"""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx


@dataclass(slots=True, eq=False)
class _Pool:
    transport: httpx.AsyncBaseTransport
    born: float
    in_use: int = 0
    retired: bool = False


class RenewedConnections(httpx.AsyncBaseTransport):
    """Sends each request over a pool that is younger than `max_age` seconds; older ones close when unused."""

    def __init__(
        self,
        make_transport: Callable[[], httpx.AsyncBaseTransport],
        max_age: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_transport = make_transport
        self._max_age = max_age
        self._clock = clock
        self._pools: set[_Pool] = set()
        self._current: _Pool | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; its pool stays open until the answer has been read."""
        pool = await self._young_pool()
        pool.in_use += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:
            await self._release(pool)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Body(response.stream, lambda: self._release(pool))
        return response

    async def aclose(self) -> None:
        """Close every pool, also those in use."""
        pools, self._pools, self._current = self._pools, set(), None
        for pool in pools:
            await pool.transport.aclose()

    async def _young_pool(self) -> _Pool:
        now, old = self._clock(), self._current
        if old is not None and now - old.born < self._max_age:
            return old
        self._current = young = _Pool(self._make_transport(), now)
        self._pools.add(young)
        if old is not None:
            old.retired = True
            await self._close_if_done(old)
        return young

    async def _release(self, pool: _Pool) -> None:
        pool.in_use -= 1
        await self._close_if_done(pool)

    async def _close_if_done(self, pool: _Pool) -> None:
        if pool.retired and pool.in_use == 0 and pool in self._pools:
            self._pools.remove(pool)
            await pool.transport.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, on_close: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._on_close = on_close
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            yield part

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._inner.aclose()
        finally:
            await self._on_close()


def connections(base_url: str, max_connections: int, max_age: float) -> RenewedConnections:
    """Connections to one callee. Proxies of the environment are not used: calls stay inside the cluster."""
    if base_url.startswith("https:"):
        context = ssl.create_default_context()
    else:
        # Never used, and cheap: it trusts nobody. httpx would load all certificates for each pool.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=max_age
    )
    return RenewedConnections(
        lambda: httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits), max_age
    )
