"""How many series a pod has does not depend on who asks for what, or how often."""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from shop.local.addresses import Addresses
from shop.local.members import MEMBERS

MOST = 4000
"""Of one pod. Prometheus keeps some 4 KB of memory for each: 18 services with three pods stay below 1 GB."""
ROUNDS = 6
MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{16}|[0-9]{6,}|@")
"""Ids, tokens, numbers that somebody typed, addresses."""
Series = tuple[str, ...]


@pytest.fixture(params=[member.name for member in MEMBERS])
def service(request: pytest.FixtureRequest, addresses: Addresses) -> Iterator[httpx.Client]:
    url = addresses.services[request.param]
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        yield http


def series(service: httpx.Client) -> set[Series]:
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))
        for family in text_string_to_metric_families(service.get("/metrics").text)
        for sample in family.samples
    }


def ask_everything(service: httpx.Client) -> None:
    """Every route with ids and words that were never used before; and what is no route at all."""
    for path, operations in service.get("/openapi.json").json()["paths"].items():
        made_up = re.sub(r"{[^}]*}", lambda _: str(uuid4()), path)
        for method in operations:
            for headers in ({}, {"Authorization": f"Bearer {uuid4().hex}"}):
                words = {"params": {"q": uuid4().hex}, "json": {uuid4().hex: 1}, "headers": headers}
                service.request(method.upper(), made_up, **words)
    for method in ("GET", "BREW", f"X{uuid4().hex[:8].upper()}"):
        service.request(method, f"/{uuid4()}")


def test_series_are_few_and_do_not_grow_with_requests(service: httpx.Client) -> None:
    before, grown = series(service), {("",)}
    for _ in range(ROUNDS):
        ask_everything(service)
        after = series(service)
        grown, before = after - before, after
        if (
            not grown
        ):  # what goes on in the background adds one now and then, at first; a made-up label always
            break
    assert grown == set()
    assert len(before) <= MOST
    assert {label for one in before for label in one[1:] if MADE_UP.search(label)} == set()
