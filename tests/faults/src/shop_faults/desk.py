"""Requests to the shop, each of them in the journal before it is sent, and its answer before it is used."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from shop.keys import from_file
from shop.local.addresses import Addresses

from shop_faults.journal import Journal
from shop_faults.told import passing

TIMEOUT = 10.0
LONGEST_PAUSE = 8.0
"""Between two tries of somebody who insists: hundreds who ask every second keep a shop down that comes up."""
ADMIN_SECONDS = 3600.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    retry_after: float | None = None
    """Seconds after which it wants to be asked again."""

    @property
    def passing(self) -> bool:
        """Asking again may bring another answer."""
        return passing(self.status, retry_after=self.retry_after is not None)


class Desk:
    """The way to all services."""

    def __init__(self, at: Addresses, journal: Journal) -> None:
        self.journal = journal
        self.gateway_key = at.gateway_key
        self.broker = at.broker
        self._signer = from_file(at.private_key)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=40)
        self._http = {
            name: httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits, trust_env=False)
            for name, url in at.services.items()
        }

    async def close(self) -> None:
        """Gives up all connections."""
        for http in self._http.values():
            await http.aclose()

    def admin(self, service: str) -> str:
        """A token of its administrator."""
        return self._signer.token("administrator", f"{service}:admin", seconds=ADMIN_SECONDS)

    async def ask(
        self,
        who: str,
        service: str,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        seconds: float = TIMEOUT,
    ) -> Answer | None:
        """The answer; None when none came within `seconds`."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        asked = self.journal.asked(who, service, method, path, key=key, body=body)
        try:
            response = await self._http[service].request(
                method, path, json=body, headers=sent, params=params, timeout=seconds
            )
            said = response.json() if response.content else None
        except (httpx.TransportError, ValueError) as error:
            self.journal.unanswered(asked, type(error).__name__)
            return None
        self.journal.answered(asked, response.status_code, said)
        later = response.headers.get("retry-after")
        return Answer(response.status_code, said, None if later is None else float(later))

    async def insist(self, who: str, service: str, method: str, path: str, **options: Any) -> Answer:
        """Asks until there is an answer that says yes or no; only for what may be repeated."""
        pause = 0.1
        while True:
            answer = await self.ask(who, service, method, path, **options)
            if answer is not None and not answer.passing:
                return answer
            wanted = answer.retry_after if answer is not None else None
            await asyncio.sleep(max(pause, wanted or 0.0) * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)
