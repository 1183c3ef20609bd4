"""Mails over a real mail server that fails at every stage: none is sent twice, none lost before its end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from shop_chassis.events import Event
from shop_contracts.order_processing.events import ORDER_CONFIRMED
from shop_contracts.user.events import MAIL_REQUESTED, MailRequested
from shop_notification.tables import DELIVERY, SUPPRESSION
from sqlalchemy import update

from .conftest import Shop, on_sqlite, until

ANN = "ann@work.example"
BEFORE_THE_END = [
    ("connect", "cut"),
    ("mail", "cut"),
    ("mail", "451 4.3.0 try again"),
    ("rcpt", "cut"),
    ("rcpt", "450 4.2.1 greylisted"),
    ("data", "cut"),
    ("data", "451 4.3.0 disk full"),
    ("answer", "451 4.3.0 try again"),
]
"""Where, and how: the server has certainly not taken the mail."""


async def confirmed(shop: Shop) -> str:
    """An order of somebody with an account; their subject."""
    ann = shop.users.add()
    await shop.order(ORDER_CONFIRMED, ann, ANN, id=uuid4())
    return ann


async def delivery(shop: Shop) -> Any:
    [row] = await shop.rows(DELIVERY)
    return row


async def state(shop: Shop, wanted: str) -> None:
    async def reached() -> bool:
        rows = await shop.rows(DELIVERY)
        return [row.state for row in rows] == [wanted]

    await until(reached)


@pytest.mark.parametrize(("stage", "how"), BEFORE_THE_END)
@on_sqlite
async def test_a_failure_before_the_end_of_the_mail_loses_nothing(shop: Shop, stage: str, how: str) -> None:
    shop.fail(stage, how, kept=False)
    await confirmed(shop)
    await state(shop, "sent")
    assert len(shop.mails(ANN)) == 1
    assert shop.post.happened == 1
    assert (await delivery(shop)).attempts == 2


@on_sqlite
async def test_a_mail_that_breaks_off_in_the_middle_is_sent_once_or_unknown(shop: Shop) -> None:
    """Whether the client sees in time that the server is gone is chance; it never sends the mail twice."""
    shop.fail("body")
    await confirmed(shop)

    async def over() -> bool:
        return {row.state for row in await shop.rows(DELIVERY)} <= {"sent", "unknown"}

    await until(over)
    await shop.make_due()
    await shop.settled()
    assert len(shop.mails(ANN)) == (1 if (await delivery(shop)).state == "sent" else 0)


@pytest.mark.parametrize("kept", [True, False])
async def test_what_breaks_off_after_the_mail_is_unknown_and_never_sent_again(shop: Shop, kept: bool) -> None:
    shop.fail("answer", kept=kept)
    await confirmed(shop)
    await state(shop, "unknown")
    await shop.make_due()
    await shop.settled()
    assert len(shop.mails(ANN)) == (1 if kept else 0)
    [message] = (await shop.http.get("/admin/messages?state=unknown", headers=shop.admin)).json()["items"]
    [unknown] = message["deliveries"]
    assert (unknown["state"], unknown["send_at"]) == ("unknown", None)


async def test_a_person_may_send_again_what_is_unknown(shop: Shop) -> None:
    shop.fail("answer", kept=False)
    await confirmed(shop)
    await state(shop, "unknown")
    path = f"/admin/deliveries/{(await delivery(shop)).id}:resend"
    assert (await shop.http.post(path, headers=shop.admin)).status_code == 200
    await state(shop, "sent")
    assert len(shop.mails(ANN)) == 1
    assert (await shop.http.post(path, headers=shop.admin)).status_code == 409
    assert (
        await shop.http.post(f"/admin/deliveries/{uuid4()}:resend", headers=shop.admin)
    ).status_code == 404


@pytest.mark.parametrize(("type", "settled"), [("delivered", "sent"), ("hard_bounce", "bounced")])
async def test_a_report_of_the_provider_settles_what_is_unknown(shop: Shop, type: str, settled: str) -> None:
    shop.fail("answer", kept=True)
    await confirmed(shop)
    await state(shop, "unknown")
    [mail] = shop.mails(ANN)
    for _ in range(2):
        answer = await shop.report(type=type, address=ANN, message_id=mail.message_id)
        assert answer.status_code == 204, answer.text
    assert (await delivery(shop)).state == settled


async def test_mails_of_an_account_are_sent_again_under_the_same_id(shop: Shop) -> None:
    shop.fail("answer", kept=True)
    asked = MailRequested(to=ANN, template="password-changed", data={"name": "Ann"})
    data = asked.model_dump(mode="json")
    await shop.tell(Event(source="/user", type=MAIL_REQUESTED, subject="mail:1", sequence=1, data=data))
    await state(shop, "sent")
    first, second = shop.mails(ANN)
    assert first.message_id == second.message_id


@pytest.mark.parametrize("handed", [False, True])
async def test_a_worker_that_dies_leaves_what_another_can_judge(shop: Shop, handed: bool) -> None:
    """As its row is after a SIGKILL, once the lease has run out."""
    shop.fail("connect", times=1_000_000)
    await confirmed(shop)

    async def left() -> bool:
        """Only between two tries: what one that is under way writes down would come after this."""
        now = datetime.now(UTC)
        past = now - timedelta(seconds=1)
        row = {"state": "sending", "due_at": past, "handed_at": past if handed else None}
        rests = (DELIVERY.c.attempts > 0, DELIVERY.c.state == "waiting", DELIVERY.c.due_at > now)
        async with shop.runtime.store.transaction() as session:
            return bool((await session.execute(update(DELIVERY).where(*rests).values(row))).rowcount)

    await until(left)
    shop.post.faults.clear()
    await shop.wake()
    await state(shop, "unknown" if handed else "sent")
    assert len(shop.mails(ANN)) == (0 if handed else 1)


async def test_an_address_that_does_not_exist_gets_nothing_more(shop: Shop) -> None:
    shop.fail("rcpt", "550 5.1.1 no such user")
    await confirmed(shop)
    await state(shop, "failed")
    await confirmed(shop)
    await shop.settled()
    assert {row.state for row in await shop.rows(DELIVERY)} == {"failed", "suppressed"}
    assert not shop.mails(ANN)
    listed = (await shop.http.get("/admin/suppressions", headers=shop.admin)).json()["items"]
    assert [(each["address"], each["kind"]) for each in listed] == [(ANN, None)]
    path = f"/admin/suppressions/{ANN.upper()}"
    assert (await shop.http.delete(path, headers=shop.admin)).status_code == 204
    assert (await shop.http.delete(path, headers=shop.admin)).status_code == 404
    await confirmed(shop)
    await shop.settled()
    assert len(shop.mails(ANN)) == 1


@on_sqlite
async def test_a_server_that_distrusts_us_is_no_word_about_the_address(shop: Shop) -> None:
    shop.fail("rcpt", "550 5.7.1 relaying denied")
    await confirmed(shop)
    await state(shop, "failed")
    assert await shop.rows(SUPPRESSION) == []


@on_sqlite
async def test_a_report_must_be_signed(shop: Shop) -> None:
    said = b'{"type": "hard_bounce", "address": "ann@work.example"}'
    for headers in ({}, {"Shop-Signature": "t=1,v1=" + "0" * 64}):
        assert (await shop.http.post("/webhooks/bounces", content=said, headers=headers)).status_code == 401
    assert await shop.rows(SUPPRESSION) == []
    assert (await shop.report(type="nonsense", address=ANN)).status_code == 422


async def test_a_complaint_ends_alerts_and_leaves_orders(shop: Shop) -> None:
    ann = shop.users.add()
    email = shop.users.email(ann)
    await shop.report(type="complaint", address=email.upper())
    await shop.drop(ann)
    await shop.order(ORDER_CONFIRMED, ann, email)
    await shop.settled()
    assert [mail.subject[:10] for mail in shop.mails(email)] == ["Your order"]


@on_sqlite
async def test_every_mail_can_be_unsubscribed_from_with_one_click(shop: Shop) -> None:
    ann, guest = shop.users.add(), f"guest:{uuid4()}"
    await shop.drop(ann)
    await shop.order(ORDER_CONFIRMED, guest, "guest@mail.example", id=uuid4())
    await shop.settled()
    for address in (shop.users.email(ann), "guest@mail.example"):
        [mail] = shop.mails(address)
        assert mail.unsubscribe
        path = mail.unsubscribe.removeprefix("https://shop.example/api/notification")
        page = await shop.http.get(path, headers={"Accept-Language": "de-DE,de"})
        assert "Abbestellen" in page.text
    assert (await shop.http.get("/preferences", headers=shop.headers(ann))).json()["channels"]["email"][
        "price_drop"
    ]
    for address in (shop.users.email(ann), "guest@mail.example"):
        [mail] = shop.mails(address)
        path = str(mail.unsubscribe).removeprefix("https://shop.example/api/notification")
        for _ in range(2):
            done = await shop.http.post(path, data={"List-Unsubscribe": "One-Click"})
            assert done.status_code == 200
        changed = path[:-4] + ("AAAA" if path[-4:] != "AAAA" else "BBBB")
        assert (await shop.http.post(changed)).status_code == 404
    await shop.drop(ann)
    await shop.order(ORDER_CONFIRMED, guest, "guest@mail.example", id=uuid4())
    await shop.order(ORDER_CONFIRMED, ann, shop.users.email(ann), id=uuid4())
    await shop.settled()
    assert len(shop.mails("guest@mail.example")) == 1
    assert [mail.subject[:10] for mail in shop.mails(shop.users.email(ann))] == ["Your order", "Merino thr"]
