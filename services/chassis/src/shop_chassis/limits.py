"""How often somebody may ask: a token bucket for each user or address.

    @router.post("/login", dependencies=[limited(per_minute=10, burst=5)])

Buckets are in the service's Redis, for all replicas together. Without one, and while it is down, each replica
has its own: with N of them up to N times as many requests pass. A handler that knows better who asks (the
account that somebody tries to sign in to) calls `Limits.take` itself.
"""

import hashlib
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Depends, Request

from shop_chassis.auth import InvalidToken, KeysUnavailable, Verifier, bearer
from shop_chassis.cache import Cache, CacheUnavailable, Entry, Found, Writes
from shop_chassis.cache.binding import open_cache
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.problems import Problem
from shop_chassis.settings import Settings

log = structlog.get_logger(__name__)

Who = Callable[[Request], str | Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Rate:
    """What a bucket holds at most, and how fast it fills."""

    per_minute: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds in which one more is allowed."""
        return 60 / self.per_minute


def take(full_at: float, now: float, rate: Rate) -> tuple[float, float]:
    """One out of the bucket that would be full at `full_at`: when it will be now, and 0; or the same moment
    and the seconds to wait.

    The generic cell rate algorithm (ITU-T I.371), which keeps one number for each bucket.
    """
    full_at = max(full_at, now)
    wait = full_at - now - rate.interval * (rate.burst - 1)
    return (full_at, wait) if wait > 0 else (full_at + rate.interval, 0.0)


class Limits:
    """The buckets of a service. A component; it connects when the first request is counted."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._shared: Cache | None = None
        self._own = MemoryCache()

    async def take(self, what: str, who: str, rate: Rate) -> None:
        """Counts that `who` asks for `what`. Raises Problem 429 when that is too often."""
        # Who asks may be an address or a name: kept is only what tells it from others.
        key = "limit:" + hashlib.blake2b(f"{what}\n{rate}\n{who}".encode(), digest_size=16).hexdigest()
        now = self._clock()

        def change(found: Found) -> tuple[Writes, float]:
            full_at, wait = take(float(found[key] or 0), now, rate)
            return ({} if wait else {key: Entry(str(full_at).encode(), full_at - now)}), wait

        if self._shared is None:
            self._shared = open_cache(self._settings)
        try:
            wait = await self._shared.update([key], change)
        except CacheUnavailable as error:
            log.warning("rate limits are counted in this replica alone", error=str(error))
            wait = await self._own.update([key], change)
        if wait:
            raise Problem(
                429,
                f"too many requests: {rate.burst} at once and {rate.per_minute:g} a minute are allowed",
                type="too-many-requests",
                headers={"Retry-After": str(math.ceil(wait))},
            )

    async def start(self) -> None:
        """Nothing: it connects when it is used."""

    async def stop(self) -> None:
        """Closes the connections."""
        if self._shared is not None:
            await self._shared.stop()


async def address(request: Request) -> str:
    """Where the request comes from. Of IPv6 the network: a household has all addresses of one.

    As many proxies as TRUSTED_PROXIES says are believed what they add to X-Forwarded-For.
    """
    found = request.client.host if request.client else "nowhere"
    proxies: int = request.app.state.runtime.settings.trusted_proxies
    if proxies:
        hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        found = hops[-min(proxies, len(hops))] if hops else found
    try:
        ip = ipaddress.ip_address(found)
    except ValueError:
        return found
    return str(ipaddress.ip_network((ip, 64), strict=False) if ip.version == 6 else ip)


async def principal_or_address(request: Request) -> str:
    """The subject of a valid token, else the address: no bad token may be a bucket of its own."""
    if (token := bearer(request)) is not None:
        verifier: Verifier = request.app.state.runtime.get(Verifier)
        try:
            return f"subject {(await verifier.verify(token)).subject}"
        except (InvalidToken, KeysUnavailable):
            pass
    return f"address {await address(request)}"


def limited(per_minute: float, burst: int, *, by: Who = principal_or_address) -> Any:
    """A dependency: 429 with Retry-After for who asks this route more often than that."""
    rate = Rate(per_minute, burst)

    async def dependency(request: Request) -> None:
        limits: Limits = request.app.state.runtime.get(Limits)
        route = f"{request.method} {request.scope['route'].path}"
        who = by(request)
        await limits.take(route, who if isinstance(who, str) else await who, rate)

    return Depends(dependency)
