"""Who looks at the front page: people who were never here, and people who looked at some products before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle

import httpx
from shop_platform.openload import Send

from shop_bench.services.routes import fault, from_everywhere
from shop_bench.services.wire import Connections

BROWSER = {
    "User-Agent": "Mozilla/5.0",
    "Accept-Language": "en-IE,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
}
SEEN = 3
"""Products that a returning visitor has looked at: of each the front page knows what is like it."""
_AT_A_TIME = 8
_PART = re.compile(r'^storefront_parts_total\{.*outcome="(\w+)".*\} ([\d.e+]+)', re.MULTILINE)

Visitors = Callable[[Connections], Iterator[bytes]]


async def returning(url: str, slugs: Sequence[str], count: int) -> list[str]:
    """Cookies of so many visitors, each of whom has looked at other products."""
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def one(number: int) -> str:
        async with turns, httpx.AsyncClient(base_url=url, headers=BROWSER, timeout=30) as browser:
            (await browser.get("/")).raise_for_status()
            for each in range(SEEN):
                slug = slugs[(number * SEEN + each) % len(slugs)]
                (await browser.get(f"/p/{slug}")).raise_for_status()
            return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    return await asyncio.gather(*map(one, range(count)))


def asking(cookies: Sequence[str]) -> Visitors:
    """Requests of the front page, with one cookie after the other; without any, of people who have none."""

    def requests(to: Connections) -> Iterator[bytes]:
        for address, cookie in zip(from_everywhere(), cycle(cookies or [""]), strict=False):
            yield to.request("GET", "/", **BROWSER, X_Forwarded_For=address, **_cookie(cookie))

    return requests


def sending(visitors: Visitors, to: Connections) -> Send:
    """Sends one request after the other; whatever is no page is a failure."""
    waiting = visitors(to)

    async def send() -> str:
        answer = await to.exchange(next(waiting))
        return fault(answer) or ("" if answer.body else "an empty page")

    return send


async def parts(url: str) -> Mapping[str, float]:
    """How many remote parts pages had so far, by outcome: fresh, stale, missing. As the storefront counts."""
    async with httpx.AsyncClient(timeout=30) as client:
        return parts_of((await client.get(f"{url}/metrics")).text)


def parts_of(metrics: str) -> Mapping[str, float]:
    """The same, of the text of /metrics."""
    found = {"fresh": 0.0, "stale": 0.0, "missing": 0.0}
    for outcome, value in _PART.findall(metrics):
        found[outcome] += float(value)
    return found


def _cookie(cookie: str) -> dict[str, str]:
    return {"Cookie": cookie} if cookie else {}
