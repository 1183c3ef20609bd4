"""The measure of the operator: a client that makes the calls which it makes, and nothing else.

It holds the same watches and parses what they tell. For each new ShopService it reads the children, applies
them and writes the status, from texts that were prepared: it decides, compares and remembers nothing.

    python -m shop_bench.operator.bare PLAN     (PLAN: JSON, see `Plan`)
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from pydantic_core import from_json

NAME, UID = "zz-name", "zz-uid"
"""Stand in the texts for the name and the uid of a ShopService."""
AGENT = "bare"
WORKERS = 16
APPLY = {"Content-Type": "application/apply-patch+yaml"}


@dataclass(frozen=True)
class Plan:
    """What is to be done where."""

    url: str
    token: str
    ca: str
    services: str
    """Path of the collection of ShopServices."""
    watches: tuple[str, ...]
    """Paths with query of what is watched beside it."""
    children: tuple[tuple[str, str], ...]
    """Path and manifest of each child, the text with NAME and UID."""
    status: str
    """The status to be applied."""

    def write(self, file: Path) -> None:
        """Write it for the process."""
        file.write_text(json.dumps(asdict(self)))


class Client:
    """Two sessions, as the operator has them: one for calls, one for watches."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._new: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def run(self) -> None:
        """Until it is ended."""
        context = ssl.create_default_context(cafile=self._plan.ca)
        headers = {"Authorization": f"Bearer {self._plan.token}", "User-Agent": AGENT}
        self._calls = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=WORKERS, ssl=context), headers=headers
        )
        self._streams = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=context),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with self._calls, self._streams, asyncio.TaskGroup() as tasks:
            for path in self._plan.watches:
                tasks.create_task(self._ignore(path))
            tasks.create_task(self._notice())
            for _ in range(WORKERS):
                tasks.create_task(self._work())
            await asyncio.sleep(1)
            print("started", file=sys.stderr, flush=True)

    async def _events(self, path: str) -> AsyncIterator[dict]:  # type: ignore[type-arg]
        join = "&" if "?" in path else "?"
        async with self._calls.get(f"{self._plan.url}{path}{join}limit=250") as response:
            version = from_json(await response.read())["metadata"]["resourceVersion"]
        url = f"{self._plan.url}{path}{join}watch=1&resourceVersion={version}"
        async with self._streams.get(url) as response:
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield from_json(line)

    async def _ignore(self, path: str) -> None:
        async for _ in self._events(path):
            pass

    async def _notice(self) -> None:
        async for event in self._events(self._plan.services):
            if event["type"] == "ADDED":
                metadata = event["object"]["metadata"]
                self._new.put_nowait((metadata["name"], metadata["uid"]))

    async def _work(self) -> None:
        while True:
            name, uid = await self._new.get()

            def filled(text: str, name: str = name, uid: str = uid) -> str:
                return text.replace(NAME, name).replace(UID, uid)

            async def child(path: str, manifest: str, filled=filled) -> None:  # type: ignore[no-untyped-def]
                await self._call("PATCH", filled(path), filled(manifest))

            await asyncio.gather(*(self._call("GET", filled(path)) for path, _ in self._plan.children))
            await asyncio.gather(*(child(*one) for one in self._plan.children))
            path = f"{self._plan.services}/{name}/status"
            await self._call("PATCH", path, filled(self._plan.status))

    async def _call(self, method: str, path: str, body: str | None = None) -> None:
        params = {"fieldManager": AGENT, "force": "true"} if body else None
        data, headers = (body.encode(), APPLY) if body else (None, None)
        url = self._plan.url + path
        async with self._calls.request(method, url, params=params, data=data, headers=headers) as response:
            from_json(await response.read())
            if response.status >= 400 and not (method == "GET" and response.status == 404):
                raise RuntimeError(f"{method} {path}: {response.status}")


if __name__ == "__main__":
    asyncio.run(Client(Plan(**json.loads(Path(sys.argv[1]).read_text()))).run())
