"""Demo data into a running catalog, over its admin API; what is there already stays as it is."""

import time
from dataclasses import dataclass

import httpx

from shop import demo

PATIENCE = 30.0
"""Seconds for a catalog that is just starting, or whose pods are being replaced."""


class SeedFailed(Exception):  # noqa: N818 - the message says what is wrong
    """Catalog did not take the data; says what it answered."""


@dataclass
class Outcome:
    """How many were made, and how many were there."""

    made: int = 0
    kept: int = 0


def seed(url: str, token: str, *, patience: float = PATIENCE) -> Outcome:
    """Creates the categories and products that are missing. Raises SeedFailed."""
    outcome = Outcome()
    deadline = time.monotonic() + patience
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False) as http:
        there = _send(http, "GET", "/categories", None, deadline).json()
        known = {category["slug"] for category in there["items"]}
        for category in demo.categories():
            if category.slug not in known:
                _send(http, "PUT", f"/admin/categories/{category.slug}", category.model_dump_json(), deadline)
        for product in demo.products():
            # 409: it was changed since, or somebody else has its name; either way it is not ours to touch.
            answer = _send(http, "POST", "/admin/products", product.model_dump_json(), deadline, allowed=409)
            if answer.status_code == 201:
                outcome.made += 1
            else:
                outcome.kept += 1
    return outcome


def _send(
    http: httpx.Client, method: str, path: str, body: str | None, deadline: float, *, allowed: int = 200
) -> httpx.Response:
    """Every request here may be repeated, so whatever may pass is waited out."""
    while True:
        try:
            answer = http.request(method, path, content=body, headers={"Content-Type": "application/json"})
            problem = f"{answer.status_code} {answer.text[:300]}"
            passing = answer.status_code in (502, 503, 504)
        except httpx.TransportError as error:
            answer, problem, passing = None, str(error) or type(error).__name__, True
        if answer is not None and (answer.is_success or answer.status_code == allowed):
            return answer
        if not passing or time.monotonic() > deadline:
            raise SeedFailed(f"{method} {http.base_url}{path.lstrip('/')}: expected success, found {problem}")
        time.sleep(0.5)
