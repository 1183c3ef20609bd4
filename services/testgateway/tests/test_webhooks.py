"""Webhooks arrive signed, at least once, also over a merchant's outage and a restart of the gateway."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_chassis.runtime import Background
from shop_contracts.signature import BadSignature, sign, verify
from shop_contracts.testgateway.api import SIGNATURE_HEADER, WebhookEvent
from shop_testgateway.webhooks import Webhooks

SECRET = "whsec"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sending(gateway: Any, take: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[Webhooks]:
    webhooks = Webhooks(gateway.runtime.store, "http://shop/webhooks/test", SECRET, httpx.MockTransport(take))
    background = Background("webhooks", webhooks.run)
    await background.start()
    try:
        yield webhooks
        assert background.problem() is None
    finally:
        await background.stop()


async def test_each_change_is_told_signed_and_whole(gateway: Any) -> None:
    taken: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        taken.append(request)
        return httpx.Response(204)

    charge = await gateway.held()
    await gateway.change(charge, "capture")
    await gateway.change(charge, "refunds", amount=100)
    async with sending(gateway, take):
        await until(lambda: len(taken) == 3)
    events = [WebhookEvent.model_validate_json(request.content) for request in taken]
    assert sorted(event.type for event in events) == [
        "charge.authorised",
        "charge.captured",
        "charge.refunded",
    ]
    last = max(events, key=lambda event: event.charge.version).charge
    assert last.model_dump(mode="json") == (await gateway.charges())[0]
    for request in taken:
        verify(SECRET, request.headers[SIGNATURE_HEADER], request.content, now=time.time(), tolerance=60)


async def test_what_is_not_taken_comes_again_under_the_same_id(gateway: Any) -> None:
    ids: list[str] = []

    def take(request: httpx.Request) -> httpx.Response:
        ids.append(json.loads(request.content)["id"])
        if len(ids) == 1:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(500 if len(ids) == 2 else 200)

    await gateway.held()
    async with sending(gateway, take):
        await until(lambda: len(ids) == 3)
    assert len(set(ids)) == 1


async def test_a_restart_goes_on_where_it_was_and_repeats_nothing_that_was_taken(gateway: Any) -> None:
    ids: list[str] = []

    def take(request: httpx.Request) -> httpx.Response:
        ids.append(json.loads(request.content)["id"])
        return httpx.Response(200)

    await gateway.held()
    async with sending(gateway, take):
        await until(lambda: len(ids) == 1)
        await _all_delivered(gateway, 1)
    await gateway.held()
    async with sending(gateway, take) as webhooks:
        await until(lambda: len(ids) == 2)
        await gateway.held()
        webhooks.wake()
        await until(lambda: len(ids) == 3)
    assert len(set(ids)) == 3


async def _all_delivered(gateway: Any, count: int) -> None:
    async with asyncio.timeout(20):
        while sum(row.delivered_at is not None for row in await gateway.deliveries()) < count:
            await asyncio.sleep(0.01)


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(min_size=1, max_size=20), st.integers(10**9, 2 * 10**9))
def test_a_signature_holds_for_its_body_secret_and_time_alone(body: bytes, secret: str, now: int) -> None:
    header = sign(secret, now, body)
    verify(secret, header, body, now=now + 299, tolerance=300)
    for other in (
        lambda: verify(secret, header, body + b" ", now=now, tolerance=300),
        lambda: verify(secret + "x", header, body, now=now, tolerance=300),
        lambda: verify(secret, header, body, now=now + 301, tolerance=300),
        lambda: verify(secret, header, body, now=now - 301, tolerance=300),
        lambda: verify(secret, header.replace("t=", "t=1"), body, now=now, tolerance=10**12),
        lambda: verify(secret, "", body, now=now, tolerance=300),
    ):
        with pytest.raises(BadSignature):
            other()
