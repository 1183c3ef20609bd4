"""Card data becomes a token, and the number is nowhere afterwards."""

import logging
from typing import Any

import pytest
import structlog
from shop_chassis.testing.otlp import Collector
from shop_testgateway.settings import TestGatewaySettings

CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2099, "cvc": "123"}


@pytest.mark.parametrize(
    ("change", "brand", "status"),
    [
        ({}, "visa", "authorised"),
        ({"number": "5555555555554444"}, "mastercard", "authorised"),
        ({"number": "378282246310005", "cvc": "1234"}, "amex", "authorised"),
        ({"number": "4000000000000002"}, "visa", "declined"),
        ({"number": "4000000000009995"}, "visa", "insufficient_funds"),
        ({"number": "4000000000000069"}, "visa", "expired_card"),
        ({"number": "4000000000003220"}, "visa", "action_required"),
        ({"exp_year": 2020}, "visa", "expired_card"),
    ],
)
async def test_a_card_becomes_a_token_that_can_be_charged(
    gateway: Any, change: dict[str, Any], brand: str, status: str
) -> None:
    answer = await gateway.http.post("/v1/methods", json=CARD | change)
    assert answer.status_code == 201, answer.text
    method = answer.json()
    number = (CARD | change)["number"]
    assert (method["brand"], method["last4"]) == (brand, number[-4:])
    charged = (await gateway.charge(method["token"])).json()
    assert (charged.get("charge") or charged)["status"] == ("declined" if "charge" in charged else status)
    if "charge" in charged:
        assert charged["type"] == status


@pytest.mark.parametrize(
    "change",
    [
        {"number": "4242424242424241"},
        {"number": "4242"},
        {"number": "x" * 16},
        {"exp_month": 13},
        {"cvc": "1"},
    ],
)
async def test_what_is_no_card_is_refused_without_being_repeated(
    gateway: Any, change: dict[str, Any]
) -> None:
    answer = await gateway.http.post("/v1/methods", json=CARD | change)
    assert answer.status_code == 422
    assert (CARD | change)["number"] not in answer.text


@pytest.fixture
def settings(settings: TestGatewaySettings, told: Collector) -> TestGatewaySettings:
    """Its spans are told."""
    return settings.model_copy(update={"otel_exporter_otlp_endpoint": told.url})


async def test_the_number_is_in_no_store_answer_log_or_trace(
    gateway: Any, told: Collector, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, logger="httpx")  # the test's own client, not the service
    with structlog.testing.capture_logs() as logged:
        answers = [
            await gateway.http.post("/v1/methods", json=CARD),
            await gateway.http.post("/v1/methods", json=CARD | {"number": CARD["number"] + "0"}),
            await gateway.charge(description=f"card {CARD['number']}"),
            await gateway.charge(reference=CARD["number"]),
            await gateway.charge(CARD["number"]),
            await gateway.http.put(
                "/faults", json={"faults": [{"kind": "declined", "method": CARD["number"]}]}
            ),
            await gateway.http.get("/v1/charges", params={"reference": CARD["number"]}),
            await gateway.http.get(f"/v1/charges/{CARD['number']}"),
        ]
        await gateway.held(method=answers[0].json()["token"])
    assert [answer.status_code for answer in answers] == [201] + [422] * 7
    assert {answer.json()["type"] for answer in answers[2:]} == {"card-number"}
    spans = {span.name for span in await told.arrived(len(answers) + 1, "server")}
    assert spans >= {"POST /v1/methods", "POST /v1/charges"}
    await gateway.runtime.store.stop()  # everything is in the files
    seen = [answer.text.encode() for answer in answers]
    seen += [path.read_bytes() for path in gateway.database.parent.iterdir() if path.is_file()]
    out = capfd.readouterr()
    seen += [part.encode() for part in (told.text(), str(logged), caplog.text, out.out, out.err)]
    assert b"4242" in seen[0]  # the last four, so that the search below is known to look at the right thing
    assert not [text for text in seen if str(CARD["number"]).encode() in text]
