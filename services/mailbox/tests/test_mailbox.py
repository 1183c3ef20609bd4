"""The mailbox keeps what it is given, shows it, and takes short messages only from who has the secret."""

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator
from email.message import EmailMessage
from uuid import uuid4

import httpx
import pytest
from shop_chassis.service import create_app
from shop_contracts.notification.api import SIGNATURE_HEADER, SmsRequest
from shop_contracts.signature import sign
from shop_mailbox.server import MailServer
from shop_mailbox.service import service
from shop_mailbox.settings import MailboxSettings


@pytest.fixture
async def box() -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    settings = MailboxSettings.model_validate(
        {"listen_address": "127.0.0.1", "smtp_port": 0, "webhook_secret": "whsec", "log_access": False}
    )
    app = create_app(service, settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mailbox") as http,
    ):
        yield http, app.state.runtime.get(MailServer).port


def hand_in(port: int, to: str, subject: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@shop.example", to, subject
    mail.set_content("in words")
    mail.add_alternative("<p>in colour</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.send_message(mail)


async def test_a_mail_is_kept_and_shown(box: tuple[httpx.AsyncClient, int]) -> None:
    http, port = box
    await asyncio.to_thread(hand_in, port, "ann@mail.example", "Hello <b>Ann</b>")
    await asyncio.to_thread(hand_in, port, "ben@mail.example", "Hello Ben")
    [mail] = (await http.get("/mails", params={"to": "ANN@mail.example"})).json()["items"]
    assert (mail["subject"], mail["text"].strip()) == ("Hello <b>Ann</b>", "in words")
    assert len((await http.get("/mails")).json()["items"]) == 2
    shown = await http.get(f"/mails/{mail['id']}/html")
    assert "in colour" in shown.text
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "Hello &lt;b&gt;Ann&lt;/b&gt;" in (await http.get("/")).text
    assert (await http.get(f"/mails/{uuid4()}")).status_code == 404


async def test_a_fault_happens_as_often_as_it_should(box: tuple[httpx.AsyncClient, int]) -> None:
    http, port = box
    fault = {"stage": "rcpt", "how": "550 5.1.1 nobody", "to": "ann@mail.example", "times": 1}
    await http.put("/faults", json={"items": [fault]})
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        await asyncio.to_thread(hand_in, port, "ann@mail.example", "refused")
    await asyncio.to_thread(hand_in, port, "ann@mail.example", "taken")
    assert (await http.get("/faults")).json() == {"items": [], "happened": 1}
    assert [mail["subject"] for mail in (await http.get("/mails")).json()["items"]] == ["taken"]


async def test_short_messages_are_signed_and_one_for_each_id(box: tuple[httpx.AsyncClient, int]) -> None:
    http, _ = box
    body = SmsRequest(id=uuid4(), to="+4915123456789", text="Hello").model_dump_json().encode()
    signed = {SIGNATURE_HEADER: sign("whsec", int(time.time()), body)}
    for _ in range(2):
        assert (await http.post("/sms", content=body, headers=signed)).status_code == 204
    assert (await http.post("/sms", content=body)).status_code == 401
    assert (await http.post("/push", content=body, headers=signed)).status_code == 422
    [short] = (await http.get("/messages")).json()["items"]
    assert (short["text"], short["posted"]) == ("Hello", 2)
