"""Payment with the real test gateway, over sockets both ways, and every fault that it has."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_contracts.signature import sign
from shop_contracts.testgateway.api import SIGNATURE_HEADER, ChargeList
from shop_payment.service import service
from shop_payment.settings import PaymentSettings
from shop_payment.tables import WebhookRow
from shop_testgateway.service import service as gateway_service
from shop_testgateway.settings import TestGatewaySettings
from sqlalchemy import func, select

from .world import check_books, serving, wish

SECRET = "whsec"


@dataclass
class Both:
    """Payment, and the gateway that it does not know is a test's."""

    http: httpx.AsyncClient
    gateway: httpx.AsyncClient
    runtime: Any

    async def pay(self, order: str = "order-1", method: str = "tok_visa") -> dict[str, Any]:
        answer = await self.http.put(f"/internal/payments/{order}", json=wish(method))
        assert answer.status_code == 200, answer.text
        payment: dict[str, Any] = answer.json()
        return payment

    async def post(self, what: str, order: str = "order-1") -> httpx.Response:
        return await self.http.post(f"/internal/payments/{order}:{what}")

    async def refund(self, amount: int, order: str = "order-1") -> httpx.Response:
        body = {"amount": {"amount": amount, "currency": "EUR"}}
        return await self.http.put(f"/internal/payments/{order}/refunds/r1", json=body)

    async def faults(self, *faults: dict[str, Any]) -> None:
        (await self.gateway.put("/faults", json={"faults": list(faults)})).raise_for_status()

    async def charges(self, order: str = "order-1") -> list[Any]:
        answer = await self.gateway.get("/v1/charges", params={"reference": order})
        return list(ChargeList.model_validate_json(answer.content).items)

    async def state(self, order: str = "order-1") -> str:
        return str((await self.http.get(f"/internal/payments/{order}")).json()["state"])

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(90):
            while not await condition():
                await asyncio.sleep(0.05)

    async def webhooks(self) -> int:
        async with self.runtime.store.session() as session:
            return int((await session.execute(select(func.count()).select_from(WebhookRow))).scalar_one())


@pytest.fixture
async def both(tmp_path: Path, database_url: str, service_accounts: ServiceAccounts) -> AsyncIterator[Both]:
    ours, theirs = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    urls = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in (ours, theirs)]
    (tmp_path / "jwks.json").write_text(Signer.generate().jwks)
    secrets: dict[str, Any] = {"gateway_key": "key", "webhook_secret": SECRET, "request_timeout": 60.0}
    gateway = create_app(
        gateway_service,
        TestGatewaySettings(
            database_url=f"sqlite:///{tmp_path}/gateway.db",
            webhook_url=f"{urls[0]}/webhooks/test",  # type: ignore[arg-type]
            log_access=False,
            **secrets,
        ),
    )
    payment = create_app(
        service,
        PaymentSettings(
            database_url=database_url,
            auth_jwks=f"{tmp_path}/jwks.json",
            callers=service_accounts.write_callers(tmp_path / "callers", "payment", ["order-processing"]),
            testgateway_url=urls[1],  # type: ignore[arg-type]
            gateway_timeout=30,  # a busy machine must not look like an outage
            resolve_seconds=0.1,
            log_access=False,
            **secrets,
        ),
    )
    assert gateway_service.migrations is not None
    await gateway_service.migrations.upgrade(gateway.state.runtime.store, wait=10)
    identity = service_accounts.headers("order-processing", "payment")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(gateway, theirs))
        await stack.enter_async_context(serving(payment, ours))
        http = httpx.AsyncClient(base_url=urls[0], headers=identity, timeout=90)
        merchant = httpx.AsyncClient(base_url=urls[1], headers={"Authorization": "Bearer key"}, timeout=90)
        await stack.enter_async_context(http)
        await stack.enter_async_context(merchant)
        runtime = payment.state.runtime
        yield Both(http, merchant, runtime)
        await merchant.put("/faults", json={"faults": []})
        await check_books(runtime.store)


async def test_a_payment_from_hold_to_refund(both: Both) -> None:
    assert (await both.pay())["state"] == "authorised"
    assert (await both.post("capture")).json()["state"] == "captured"
    assert (await both.refund(1900)).json()["state"] == "partially_refunded"
    (charge,) = await both.charges()
    assert (charge.captured, charge.refunded, charge.fee) == (5900, 1900, 82)
    assert [(refund.amount, refund.reference) for refund in charge.refunds] == [(1900, "r1")]

    async def all_told() -> bool:
        return await both.webhooks() == 3

    await both.until(all_told)
    assert (await both.post("void")).json()["type"] == "illegal-state"


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("tok_declined", "declined"),
        ("tok_insufficient", "insufficient_funds"),
        ("tok_expired", "expired_card"),
        ("tok_nobody", "unknown_method"),
    ],
)
async def test_declines_say_why(both: Both, method: str, reason: str) -> None:
    payment = await both.pay(method=method)
    assert (payment["state"], payment["reason"]) == ("declined", reason)


async def test_answers_that_are_lost_every_time_charge_once(both: Both) -> None:
    await both.faults({"kind": "timeout_after_success", "count": 12})
    await both.pay()

    async def held() -> bool:
        return await both.state() == "authorised"

    await both.until(held)
    await both.faults({"kind": "timeout_after_success"}, {"kind": "duplicate_webhook"})
    for what, after in [("capture", "captured"), ("refund", "refunded")]:
        answer = await (both.refund(5900) if what == "refund" else both.post(what))
        assert answer.status_code in (200, 503)

        async def done(wanted: str = after) -> bool:
            return await both.state() == wanted

        await both.until(done)
    (charge,) = await both.charges()
    assert (charge.status, charge.captured, charge.refunded) == ("captured", 5900, 5900)


async def test_a_gateway_that_is_down_is_waited_for(both: Both) -> None:
    await both.faults({"kind": "down"})
    assert (await both.pay())["state"] == "pending"
    await both.faults()

    async def held() -> bool:
        return (await both.pay())["state"] == "authorised"

    await both.until(held)
    assert len(await both.charges()) == 1


async def test_webhooks_that_are_late_or_doubled_change_nothing(both: Both) -> None:
    await both.faults({"kind": "duplicate_webhook"}, {"kind": "late_webhook", "seconds": 0.5})
    await both.pay()
    await both.post("capture")
    await both.refund(5900)

    async def all_told() -> bool:
        return await both.webhooks() == 3

    await both.until(all_told)
    assert await both.state() == "refunded"


async def test_the_shopper_confirms_on_the_gateways_page(both: Both) -> None:
    payment = await both.pay(method="tok_3ds")
    assert payment["state"] == "action_required"
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(payment["action_url"])).status_code == 200
        assert (await browser.post(payment["action_url"] + ":complete")).status_code == 200

    async def told() -> bool:
        return await both.webhooks() == 2

    await both.until(told)
    assert (await both.post("capture")).json()["state"] == "captured"


async def test_many_ask_at_once_for_the_same_and_other_orders(both: Both) -> None:
    await both.faults({"kind": "timeout_after_success", "probability": 0.3, "operations": ["authorise"]})
    orders = [f"order-{number}" for number in range(4)]

    async def ask(order: str) -> str:
        answer = await both.http.put(f"/internal/payments/{order}", json=wish())
        # A machine that is busy enough does not answer in time; that is as good as a lost answer.
        assert answer.status_code in (200, 503, 504), answer.text
        return str(answer.json().get("state"))

    await asyncio.gather(*(ask(order) for order in orders for _ in range(3)))

    async def held() -> bool:
        return {await ask(order) for order in orders} == {"authorised"}

    await both.until(held)
    for order in orders:
        assert len(await both.charges(order)) == 1


async def test_only_signed_and_fresh_webhooks_count(both: Both, capfd: pytest.CaptureFixture[str]) -> None:
    import time

    now = int(time.time())
    body = b'{"id": "evt_1", "secret-word": 1}'
    good = sign(SECRET, now, body)
    for header, given in [
        (None, body),
        ("", body),
        (good, body + b" "),
        (sign("other", now, body), body),
        (sign(SECRET, now - 400, body), body),
        (good, body),  # genuine, and not an event
    ]:
        headers = {} if header is None else {SIGNATURE_HEADER: header}
        answer = await both.http.post("/webhooks/test", content=given, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (400, "not-genuine")
        assert "secret-word" not in answer.text
    assert (await both.http.post("/webhooks/paypal", content=body)).status_code == 404
    assert (await both.http.post("/webhooks/test", content=b"x" * 300_000)).status_code == 413
    assert await both.webhooks() == 0
    assert "secret-word" not in "".join(capfd.readouterr())


async def test_a_webhook_of_somebody_elses_charge_is_taken_and_ignored(both: Both) -> None:
    body = {"amount": 100, "currency": "EUR", "method": "tok_visa", "reference": "elsewhere"}
    await both.gateway.post("/v1/charges", json=body, headers={"Idempotency-Key": "not-ours"})

    async def told() -> bool:
        return await both.webhooks() == 1

    await both.until(told)
    assert (await both.http.get("/internal/payments/elsewhere")).status_code == 404
