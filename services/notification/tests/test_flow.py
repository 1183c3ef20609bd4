"""From an event to what somebody reads of it."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from shop_chassis.events import Event
from shop_contracts.notification.events import SENT, STREAM
from shop_contracts.order_processing import events as orders
from shop_contracts.user.events import MAIL_REQUESTED, MailRequested
from shop_notification.tables import DELIVERY, MESSAGE

from .conftest import Shop, on_sqlite
from .occasions import eur


async def test_an_order_is_told_by_mail_and_in_the_inbox(shop: Shop) -> None:
    ann = shop.users.add(locale="de-DE")
    await shop.order(orders.ORDER_CONFIRMED, ann, "ann@work.example", locale="de")
    await shop.settled()
    [mail] = shop.mails("ann@work.example")
    assert mail.subject.startswith("Ihre Bestellung ")
    assert "94,80\N{NO-BREAK SPACE}€" in mail.text
    assert "94,80" in mail.html
    assert mail.unsubscribe
    [entry] = await shop.inbox(ann)
    assert entry.title == "Bestellung bestätigt"
    page = (await shop.http.get("/inbox", headers=shop.headers(ann))).json()
    assert (page["unread"], page["items"][0]["link"]) == (1, entry.link)
    told = await shop.bus.browse(STREAM)
    channels = {Event.decode(each.body).data["channel"] for each in told if each.topic == f"{STREAM}.{SENT}"}
    assert channels == {"email", "inbox"}


async def test_a_guest_is_told_at_the_address_of_the_order(shop: Shop) -> None:
    guest = f"guest:{uuid4()}"
    await shop.order(orders.ORDER_SHIPPED, guest, "guest@mail.example", state="shipped")
    await shop.settled()
    assert [mail.subject[:10] for mail in shop.mails("guest@mail.example")] == ["Your order"]
    page = (await shop.http.get("/inbox", headers=shop.headers(guest, "guest"))).json()
    assert page["unread"] == 1
    assert shop.users.asked == 0


@pytest.mark.parametrize(
    "type", sorted({orders.ORDER_DELIVERED, orders.ORDER_CANCELLED, orders.ORDER_REFUNDED})
)
@on_sqlite
async def test_each_news_of_an_order_has_a_mail(shop: Shop, type: str) -> None:
    ann, more = shop.users.add(), {"reason_given": "declined", "amount": eur(500).model_dump()}
    await shop.order(type, ann, "ann@work.example", **more)
    await shop.settled()
    assert len(shop.mails("ann@work.example")) == 1


@on_sqlite
async def test_a_return_names_what_came_back(shop: Shop) -> None:
    back = {
        "id": UUID(int=9),
        "state": "received",
        "lines": [{"product_id": UUID(int=7), "quantity": 1, "amount": eur(8990)}],
        "reason": "unwanted",
        "amount": eur(8990),
        "requested_at": "2026-11-21T10:00:00Z",
    }
    await shop.order(
        orders.ORDER_RETURNED,
        shop.users.add(),
        "ann@work.example",
        returns=[back],
        return_id=str(UUID(int=9)),
    )
    await shop.settled()
    [mail] = shop.mails("ann@work.example")
    assert "Merino throw" in mail.text
    assert "€89.90" in mail.text


async def test_the_same_news_twice_is_one_mail(shop: Shop) -> None:
    ann, order = shop.users.add(), uuid4()
    for _ in range(2):  # as two events, as after a repair of the publisher
        await shop.order(orders.ORDER_CONFIRMED, ann, "ann@work.example", id=order)
    event = await shop.drop(ann)
    again = event.model_copy(update={"id": str(uuid4())})
    await shop.tell(event)
    await shop.tell(again)
    await shop.settled()
    assert len(shop.mails("ann@work.example")) == 1
    assert len(shop.mails(shop.users.email(ann))) == 1
    assert len(await shop.inbox(ann)) == 2


@on_sqlite
async def test_news_that_are_overtaken_are_not_told(shop: Shop) -> None:
    ann, order = shop.users.add(), uuid4()
    waits = {"state": "action_required", "action_url": "https://bank.example/x"}
    shop.fail("connect", times=1000)
    await shop.order(orders.ORDER_ACTION_REQUIRED, ann, "ann@work.example", id=order, **waits)
    await until_failed(shop)
    await shop.order(orders.ORDER_CONFIRMED, ann, "ann@work.example", id=order)
    await shop.order(orders.ORDER_ACTION_REQUIRED, ann, "ann@work.example", id=order, **waits)
    shop.post.faults.clear()
    await shop.settled()
    assert [mail.subject.split(" is ")[-1] for mail in shop.mails("ann@work.example")] == ["confirmed"]


async def until_failed(shop: Shop) -> None:
    from .conftest import until

    async def tried() -> bool:
        return bool(await shop.rows(DELIVERY, DELIVERY.c.state == "waiting", DELIVERY.c.attempts > 0))

    await until(tried)


async def test_mails_of_an_account_are_sent_whatever_somebody_wants(shop: Shop) -> None:
    secret = "q3mO1Yw5Jc0c2yV7QmXb1k7Q0n3aQ1m9"
    asked = MailRequested(
        to="new@mail.example",
        template="verify-email",
        locale="de",
        data={"name": "Neu", "token": secret, "expires_at": "2026-11-22T18:00:00+00:00"},
    )
    event = Event(
        source="/user", type=MAIL_REQUESTED, subject="mail:1", sequence=1, data=asked.model_dump(mode="json")
    )
    await shop.tell(event)
    await shop.settled()
    [mail] = shop.mails("new@mail.example")
    assert f"https://shop.example/verify?token={secret}" in mail.text
    assert mail.unsubscribe is None
    [message] = await shop.rows(MESSAGE)
    assert message.data == {}, "a token that has served is not kept"


async def test_who_opted_out_gets_nothing(shop: Shop) -> None:
    nothing = {channel: {} for channel in ("email", "sms", "push", "inbox")}
    ann, ben = shop.users.add(), shop.users.add(channels=["inbox"], price_alerts=False)
    await shop.prefers(ann, channels=nothing)
    for subject in (ann, ben):
        await shop.drop(subject)
    await shop.order(orders.ORDER_CONFIRMED, ann, "ann@work.example")
    await shop.settled()
    assert not shop.post.mails
    assert not await shop.inbox(ann)
    assert not await shop.inbox(ben)
    assert len(await shop.rows(MESSAGE)) == 3, "decided, and told nowhere"


async def test_who_changes_their_mind_while_a_mail_waits_does_not_get_it(shop: Shop) -> None:
    ann = shop.users.add()
    await shop.prefers(ann, channels={"email": {"price_drop": True}}, digest="weekly")
    await shop.drop(ann)
    await shop.settled()
    assert not shop.post.mails
    await shop.prefers(ann, channels={"email": {"price_drop": False}}, digest="weekly")
    await shop.make_due()
    await shop.settled()
    assert not shop.post.mails
    assert {row.state for row in await shop.rows(DELIVERY)} == {"digested", "suppressed"}


async def test_a_digest_gathers_and_says_each_thing_once(shop: Shop) -> None:
    ann, product = shop.users.add(), uuid4()
    await shop.prefers(
        ann, channels={"email": {"price_drop": True}, "inbox": {"price_drop": True}}, digest="daily"
    )
    for new in (7000, 6500, 6000):
        await shop.drop(ann, product_id=product, old=eur(9000), new=eur(new))
    await shop.drop(ann, title="Enamel mug", slug="mug")
    await shop.settled()
    assert not shop.post.mails
    assert len(await shop.inbox(ann)) == 4
    await shop.make_due()
    await shop.settled()
    [mail] = shop.mails(shop.users.email(ann))
    assert "2 things" in mail.subject
    assert mail.text.count("Merino throw") == 1
    assert "€60.00" in mail.text
    assert "€70.00" not in mail.text
    assert "Enamel mug" in mail.text


@pytest.mark.parametrize("options", [{"mails_per_day": 2}])
@on_sqlite
async def test_too_many_mails_wait_for_a_digest(shop: Shop, options: dict[str, Any]) -> None:
    ann = shop.users.add()
    for _ in range(5):
        await shop.drop(ann)
        await shop.settled()
    assert len(shop.mails(shop.users.email(ann))) == 2
    await shop.make_due()
    await shop.settled()
    newest, *others = shop.mails(shop.users.email(ann))
    assert "3 things" in newest.subject
    assert len(others) == 2


async def test_while_user_is_down_what_it_said_before_is_used(shop: Shop) -> None:
    ann, ben = shop.users.add(), shop.users.add()
    await shop.drop(ann)
    await shop.settled()
    shop.users.down = True
    await shop.drop(ann)
    await shop.drop(ben)  # nobody knows yet who that is

    async def told() -> bool:
        return len(shop.mails(shop.users.email(ann))) == 2

    from .conftest import until

    await until(told)
    assert not shop.mails(shop.users.email(ben))
    shop.users.down = False
    await shop.make_due(MESSAGE)
    await shop.settled()
    assert len(shop.mails(shop.users.email(ben))) == 1


async def test_who_is_erased_is_forgotten(shop: Shop) -> None:
    ann = shop.users.add()
    await shop.prefers(ann, channels={"email": {"price_drop": True}}, digest="weekly")
    await shop.drop(ann)
    await shop.settled()
    as_user = shop.services.headers("user", "notification")
    held = (await shop.http.get(f"/internal/personal-data/{ann}", headers=as_user)).json()
    assert set(held) >= {"person", "preferences", "messages", "deliveries"}
    erased = {"subject": ann, "erased_at": "2026-11-21T18:00:00Z"}
    email = shop.users.email(ann)
    shop.users.known.clear()
    await shop.tell(Event(source="/user", type="erased", subject=ann, sequence=9, data=erased))
    await shop.settled()
    assert (await shop.http.get(f"/internal/personal-data/{ann}", headers=as_user)).json() == {}
    await shop.drop(ann)
    await shop.make_due()
    await shop.settled()
    assert not shop.mails(email)
    assert (await shop.http.get(f"/internal/personal-data/{ann}", headers=as_user)).json().keys() <= {
        "messages"
    }
