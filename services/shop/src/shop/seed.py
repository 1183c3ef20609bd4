"""Demo data into running services, over their admin APIs; what is there already stays as it is."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from shop_chassis.signing import Signer

from shop import demo

PATIENCE = 30.0
"""Seconds for a service that is just starting, or whose pods are being replaced."""


class SeedFailed(Exception):  # noqa: N818 - the message says what is wrong
    """A service did not take the data; says what it answered."""


@dataclass
class Outcome:
    """How many were made, and how many were there."""

    made: int = 0
    kept: int = 0

    def __str__(self) -> str:
        return f"{self.made} made, {self.kept} were there"


@dataclass
class Seeded:
    """What was done, in words, a line each."""

    told: list[str] = field(default_factory=list)


async def seed(urls: Mapping[str, str], signer: Signer) -> Seeded:
    """Fills those services that are there. Raises SeedFailed."""
    seeded = Seeded()
    if url := urls.get("catalog"):
        outcome = await seed_catalog(url, signer.token("seed", "catalog:admin"))
        seeded.told.append(f"demo products: {outcome}")
    return seeded


async def seed_catalog(url: str, token: str, *, patience: float = PATIENCE) -> Outcome:
    """Creates the categories and products that are missing. Raises SeedFailed."""
    outcome = Outcome()
    async with Admin(url, token, patience=patience) as admin:
        there = (await admin.send("GET", "/categories")).json()
        known = {category["slug"] for category in there["items"]}
        for category in demo.categories():
            if category.slug not in known:
                await admin.send("PUT", f"/admin/categories/{category.slug}", category.model_dump_json())
        for product in demo.products():
            # 409: it was changed since, or somebody else has its name; either way it is not ours to touch.
            answer = await admin.send("POST", "/admin/products", product.model_dump_json(), allowed=409)
            if answer.status_code == 201:
                outcome.made += 1
            else:
                outcome.kept += 1
    return outcome


class Admin:
    """A service's admin API, for requests that may all be repeated: whatever may pass is waited out."""

    def __init__(self, url: str, token: str, *, patience: float = PATIENCE) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=10,
            trust_env=False,
        )
        self._deadline = time.monotonic() + patience

    async def __aenter__(self) -> "Admin":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def send(
        self, method: str, path: str, body: str | None = None, *, allowed: int = 200
    ) -> httpx.Response:
        """The answer, if it is a success or the status `allowed`. Raises SeedFailed."""
        while True:
            try:
                answer = await self._http.request(method, path, content=body)
                problem = f"{answer.status_code} {answer.text[:300]}"
                passing = answer.status_code in (502, 503, 504)
            except httpx.TransportError as error:
                answer, problem, passing = None, str(error) or type(error).__name__, True
            if answer is not None and (answer.is_success or answer.status_code == allowed):
                return answer
            if not passing or time.monotonic() > self._deadline:
                where = f"{self._http.base_url}{path.lstrip('/')}"
                raise SeedFailed(f"{method} {where}: expected success, found {problem}")
            await asyncio.sleep(0.5)
