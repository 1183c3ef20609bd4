"""Who may do what, and that no card number gets in."""

import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from shop_chassis.service import create_app
from shop_chassis.testing.otlp import Collector
from shop_chassis.testing.sweep import sweep
from shop_chassis.testing.trespass import attempts
from shop_payment.settings import PaymentSettings

from .world import with_a_gateway

CARD = "4242424242424242"


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = PaymentSettings(database_url=f"sqlite:///{tmp_path}/payment.db")
    await sweep(with_a_gateway(), settings, tmp_path, public={"POST /webhooks/{gateway}"})


def test_no_route_is_for_shoppers() -> None:
    """One that is and names a payment wants a `sweep_ownership`."""
    document = create_app(with_a_gateway(), PaymentSettings()).openapi()
    assert {str(each) for each in attempts(document, {})} == {"POST /webhooks/{gateway}"}


@pytest.fixture
def settings(settings: PaymentSettings, told: Collector) -> PaymentSettings:
    """Its spans are told."""
    return settings.model_copy(update={"otel_exporter_otlp_endpoint": told.url})


async def test_no_card_number_gets_into_store_answers_logs_or_traces(
    shop: Any,
    told: Collector,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, logger="httpx")  # the test's own client, not the service
    with structlog.testing.capture_logs() as logged:
        await shop.captured("order-2")
        answers = [
            await shop.pay(description=f"card {CARD}"),
            await shop.pay(method=CARD),
            await shop.pay(customer="4242 4242 4242 4242"),
            await shop.pay(CARD),
            await shop.refund(CARD, 100, "order-2"),
            await shop.http.put(
                "/internal/payments/order-2/refunds/r1",
                json={"amount": {"amount": 1, "currency": "EUR"}, "reason": CARD},
            ),
            await shop.http.put("/internal/payments/order-1", content=f"not json {CARD}"),
            await shop.anybody.post("/webhooks/test", json={"number": CARD}),
            await shop.admin.get("/admin/ledger/entries", params={"account": CARD}),
            await shop.admin.get(f"/admin/payments/{CARD}"),
        ]
    assert {answer.json()["type"] for answer in answers[:6]} == {"card-number"}
    assert [answer.status_code for answer in answers] == [422] * 7 + [400] + [422] * 2
    assert shop.gateway.calls == ["authorise", "capture"]
    spans = {span.name for span in await told.arrived(2 + len(answers), "server")}
    assert spans >= {"PUT /internal/payments/{order_id}", "POST /internal/payments/{order_id}:capture"}
    seen = [told.text(), str(logged), caplog.text, *capfd.readouterr()]
    seen += [answer.text for answer in answers]
    store = shop.runtime.store
    if store.engine.dialect.name == "sqlite":
        await store.stop()  # everything is in the files
        seen += [path.read_bytes().decode("latin-1") for path in tmp_path.glob("payment.db*")]
    else:
        seen += [str(row) for row in await _everything(store)]
    assert any("order-2" in text for text in seen)  # it looks at the right thing
    for text in seen:
        assert CARD not in text
        assert "4242 4242" not in text


async def _everything(store: Any) -> list[Any]:
    from shop_payment.tables import metadata
    from sqlalchemy import select

    async with store.session() as session:
        return [row for table in metadata.sorted_tables for row in await session.execute(select(table))]
