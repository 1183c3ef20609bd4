"""The adapter against stripe-mock, which checks requests against Stripe's own OpenAPI document and answers
with its examples; and against made-up answers where those say too little."""

import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from shop_chassis.testing.servers import NotInstalled, die_with_parent, free_ports
from shop_payment.domain import Charge, ChargeRefund
from shop_payment.gateways import NotGenuine, Order, Refused, Unanswered
from shop_payment.gateways.stripe_gateway import StripeGateway, _charge
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .world import serving

SECRET = "whsec"
ORDER = Order("order-1", 5900, "EUR", "pm_card_visa", "Order 1")
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "requires_capture",
    "amount": 5900,
    "amount_received": 0,
    "currency": "eur",
    "metadata": {"key": "order-1:authorise"},
}


def adapter(url: str) -> StripeGateway:
    return StripeGateway(SecretStr("sk_test_123"), SecretStr(SECRET), url=url, timeout=30)


@pytest.fixture(scope="module")
def stripe_mock() -> Iterator[str]:
    cache = Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache/kindlocal")
    program = shutil.which("stripe-mock", path=f"{cache}/bin:{os.environ['PATH']}")
    if program is None:
        raise NotInstalled("stripe-mock: not found; `make tools` builds it")
    port, tls = free_ports(2)
    command = [program, "-http-addr", f"127.0.0.1:{port}", "-https-addr", f"127.0.0.1:{tls}"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
            break
        except httpx.HTTPError:
            assert process.poll() is None, "stripe-mock has ended"
            assert time.monotonic() < deadline, "stripe-mock does not answer"
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
async def mocked(stripe_mock: str) -> AsyncIterator[StripeGateway]:
    gateway = adapter(stripe_mock)
    yield gateway
    await gateway.stop()


@pytest.mark.stripe
async def test_stripe_understands_every_request(mocked: StripeGateway) -> None:
    """A parameter that Stripe does not know is a 400: see the last one."""
    for charge in (
        await mocked.authorise("k1", ORDER),
        await mocked.capture("k2", "pi_1"),
        await mocked.void("k3", "pi_1"),
        await mocked.refund("k4", "pi_1", "r1", 100),
        await mocked.find("order-1:authorise", None),
        await mocked.find("order-1:authorise", "pi_1"),
    ):
        assert charge is not None
        assert charge.id.startswith("pi_")
        assert charge.amount > 0
        assert charge.currency.isupper()
    with pytest.raises(Refused):
        await mocked.refund("k5", "pi_1", "r1", "much")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"status": "authorised"}),
        ({"status": "processing"}, {"status": "pending"}),
        ({"status": "requires_payment_method"}, {"status": "pending"}),
        ({"status": "canceled"}, {"status": "voided"}),
        (
            {
                "status": "requires_payment_method",
                "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
            },
            {"status": "declined", "reason": "insufficient_funds"},
        ),
        (
            {
                "status": "requires_payment_method",
                "last_payment_error": {"code": "payment_intent_authentication_failure"},
            },
            {"status": "declined", "reason": "authentication_failed"},
        ),
        (
            {"status": "requires_payment_method", "last_payment_error": {"code": "processing_error"}},
            {"status": "declined", "reason": "declined"},
        ),
        (
            {"status": "requires_action", "next_action": {"redirect_to_url": {"url": "https://bank/3ds"}}},
            {"status": "action_required", "action_url": "https://bank/3ds"},
        ),
        (
            {
                "status": "succeeded",
                "amount_received": 5900,
                "latest_charge": {
                    "balance_transaction": {"fee": 112},
                    "refunds": {
                        "data": [
                            {
                                "id": "re_1",
                                "amount": 100,
                                "status": "succeeded",
                                "metadata": {"key": "order-1:refund:r1"},
                            },
                            {"id": "re_2", "amount": 200, "status": "pending", "metadata": {}},
                            {
                                "id": "re_3",
                                "amount": 300,
                                "status": "failed",
                                "failure_reason": "stolen",
                            },
                        ]
                    },
                },
            },
            {
                "status": "captured",
                "captured": 5900,
                "fee": 112,
                "refunds": (
                    ChargeRefund("order-1:refund:r1", 100, "done"),
                    ChargeRefund("re_2", 200, "pending"),
                    ChargeRefund("re_3", 300, "refused", "stolen"),
                ),
            },
        ),
        (
            {"status": "succeeded", "amount_received": 5900, "latest_charge": "ch_1"},
            {"status": "captured", "captured": 5900},
        ),
    ],
)
def test_an_intent_is_read(change: dict[str, Any], expected: dict[str, Any]) -> None:
    plain = {"id": "pi_1", "key": "order-1:authorise", "amount": 5900, "currency": "EUR"}
    assert _charge(INTENT | change) == Charge(**(plain | expected))


class Stripe:
    """Gives one answer to everything, and remembers what it was asked."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status, self.body = status, body
        self.asked: list[tuple[str, str, str | None]] = []

    async def answer(self, request: Request) -> JSONResponse:
        self.asked.append((request.method, request.url.path, request.headers.get("Idempotency-Key")))
        return JSONResponse(self.body, self.status)

    async def __aenter__(self) -> StripeGateway:
        listener = socket.create_server(("127.0.0.1", 0))
        app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])
        self._server = serving(app, listener)
        await self._server.__aenter__()
        self._gateway = adapter(f"http://127.0.0.1:{listener.getsockname()[1]}")
        return self._gateway

    async def __aexit__(self, *_: object) -> None:
        await self._gateway.stop()
        await self._server.__aexit__(None, None, None)


def failure(type: str, **members: Any) -> dict[str, Any]:
    return {"error": {"type": type, "message": "for people", **members}}


DECLINED = INTENT | {
    "status": "requires_payment_method",
    "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (402, failure("card_error", code="card_declined", payment_intent=DECLINED), "insufficient_funds"),
        (402, failure("card_error", code="expired_card"), "expired_card"),
        (404, failure("invalid_request_error", code="resource_missing"), "unknown_method"),
        (400, failure("invalid_request_error", code="amount_too_small"), "declined"),
    ],
)
async def test_a_decline_is_an_answer(status: int, body: dict[str, Any], reason: str) -> None:
    stripe = Stripe(status, body)
    async with stripe as gateway:
        charge = await gateway.authorise("order-1:authorise", ORDER)
    assert (charge.status, charge.reason, charge.key) == ("declined", reason, "order-1:authorise")
    assert (charge.amount, charge.currency) == (5900, "EUR")
    assert stripe.asked == [("POST", "/v1/payment_intents", "order-1:authorise")]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, failure("api_error")),
        (503, {}),
        (429, failure("invalid_request_error", code="rate_limit")),
        (401, failure("invalid_request_error")),
        (409, failure("invalid_request_error", code="idempotency_key_in_use")),
        (400, failure("idempotency_error")),
    ],
)
async def test_what_says_nothing_about_the_payment_is_not_known(status: int, body: dict[str, Any]) -> None:
    stripe = Stripe(status, body)
    async with stripe as gateway:
        for work in (
            gateway.authorise("k", ORDER),
            gateway.capture("k", "pi_1"),
            gateway.refund("k", "pi_1", "r1", 100),
            gateway.find("k", "pi_1"),
        ):
            with pytest.raises(Unanswered) as error:
                await work
            assert "for people" not in str(error.value)
    assert len(stripe.asked) == 4  # the SDK repeats nothing by itself


async def test_a_capture_that_stripe_refuses_is_final() -> None:
    stripe = Stripe(400, failure("invalid_request_error", code="payment_intent_unexpected_state"))
    async with stripe as gateway:
        for work in (
            gateway.capture("k", "pi_1"),
            gateway.void("k", "pi_1"),
            gateway.refund("k", "pi_1", "r", 1),
        ):
            with pytest.raises(Refused):
                await work


async def test_nobody_there_is_not_known() -> None:
    gateway = adapter(f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(Unanswered):
        await gateway.authorise("k", ORDER)
    await gateway.stop()


def event(object: dict[str, Any]) -> bytes:
    body = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": {"object": object}}
    return json.dumps(body).encode()


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    moment = int(at or time.time())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={digest}"}


@pytest.mark.parametrize(
    "about", [INTENT, {"object": "refund", "id": "re_1", "payment_intent": "pi_1"}, {"object": "customer"}]
)
async def test_a_webhook_is_read_afresh(about: dict[str, Any]) -> None:
    stripe = Stripe(200, INTENT)
    async with stripe as gateway:
        told = await gateway.verify_webhook(signed(event(about)), event(about))
    assert told.id == "evt_1"
    if about["object"] == "customer":
        assert (told.charge, stripe.asked) == (None, [])
    else:
        assert told.charge == _charge(INTENT)
        assert stripe.asked == [("GET", "/v1/payment_intents/pi_1", None)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": "t=1,v1=0"},
        signed(event(INTENT), secret="other"),
        signed(event(INTENT), at=1e9),
    ],
)
async def test_a_webhook_of_somebody_else_is_refused(headers: dict[str, str]) -> None:
    stripe = Stripe(200, INTENT)
    async with stripe as gateway:
        with pytest.raises(NotGenuine):
            await gateway.verify_webhook(headers, event(INTENT))
    assert stripe.asked == []


def test_only_who_uses_stripe_pays_for_its_import() -> None:
    code = "import sys, shop_payment.service; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
