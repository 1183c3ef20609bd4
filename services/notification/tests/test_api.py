"""What people, administrators and gateways do over HTTP."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from shop_chassis.events import Event
from shop_chassis.signing import ServiceAccounts
from shop_contracts.notification.api import PushRequest, SmsRequest
from shop_contracts.order_processing.events import ORDER_CONFIRMED
from shop_contracts.signature import verify
from shop_contracts.user.events import REGISTERED
from shop_notification.channels.webhooks import Push, Sms
from shop_notification.tables import MESSAGE
from shop_notification.unread import Watchers

from .conftest import SECRET, Shop, on_sqlite, opened, until


async def test_a_message_is_read_once(shop: Shop) -> None:
    ann = shop.users.add()
    for _ in range(3):
        await shop.drop(ann)
    await shop.settled()
    mine = shop.headers(ann)
    first = (await shop.http.get("/inbox?limit=2", headers=mine)).json()
    rest = (await shop.http.get("/inbox", params={"after": first["next"]}, headers=mine)).json()
    ids = [each["id"] for each in first["items"] + rest["items"]]
    assert len(set(ids)) == 3
    assert rest["next"] is None
    for _ in range(2):
        assert (await shop.http.post(f"/inbox/{ids[0]}:read", headers=mine)).json() == {"unread": 2}
    unread = (await shop.http.get("/inbox?unread=true", headers=mine)).json()
    assert [each["id"] for each in unread["items"]] == ids[1:]
    assert (await shop.http.post("/inbox:read-all", headers=mine)).json() == {"unread": 0}


async def test_the_unread_count_comes_by_itself(shop: Shop) -> None:
    ann = shop.users.add()
    stream = shop.runtime.get(Watchers).events(ann, time.time() + 60)

    async def number() -> str:
        async with asyncio.timeout(20):
            while not (said := await anext(stream)).startswith("event: unread"):
                pass
        return said.partition("data: ")[2].strip()

    assert await number() == "0"
    await shop.drop(ann)
    assert await number() == "1"
    [entry] = await shop.inbox(ann)
    await shop.http.post(f"/inbox/{entry.id}:read", headers=shop.headers(ann))
    assert await number() == "0"
    await stream.aclose()


@on_sqlite
async def test_the_stream_ends_with_the_token(shop: Shop) -> None:
    assert [said async for said in shop.runtime.get(Watchers).events("ann", time.time() - 1)] == [
        "retry: 3000\n\n"
    ]


async def test_preferences_follow_from_those_at_user_until_they_are_set(shop: Shop) -> None:
    ann = shop.users.add(locale="de-DE", channels=["email"], price_alerts=False, digest="weekly")
    mine = shop.headers(ann)
    answer = await shop.http.get("/preferences", headers=mine)
    found = answer.json()
    assert (found["locale"], found["digest"], answer.headers["ETag"]) == ("de-DE", "weekly", '"0"')
    assert found["channels"]["email"] == {"order": True, "price_drop": False, "promotion": False}
    wanted = {"channels": {"sms": {"order": True}}, "phone": "+4915123456789"}
    assert (await shop.http.put("/preferences", json=wanted, headers=mine)).status_code == 428
    tagged = {**mine, "If-Match": '"0"'}
    assert (await shop.http.put("/preferences", json=wanted, headers=tagged)).headers["ETag"] == '"1"'
    assert (await shop.http.put("/preferences", json=wanted, headers=tagged)).status_code == 412
    assert (await shop.http.get("/preferences", headers=mine)).json()["channels"]["sms"]["order"]
    assert (await shop.http.get("/preferences", headers=shop.headers(str(uuid4())))).status_code == 404


@on_sqlite
async def test_sms_and_push_are_posted_signed_and_again_under_the_same_id(
    database_url: str, tmp_path: Path, service_accounts: ServiceAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        taken.append(request)
        return httpx.Response(503 if len(taken) == 1 else 204)

    transport = httpx.MockTransport(gateway)
    ways = {
        "sms": Sms("http://sms.example/send", SECRET, transport),
        "push": Push("http://push.example/send", SECRET, transport),
    }
    monkeypatch.setattr("shop_notification.service._ways", lambda settings: ways)
    async with opened(database_url, tmp_path, service_accounts) as shop:
        ann = shop.users.add()
        both = {"sms": {"order": True}, "push": {"order": True}}
        there = {"phone": "+4915123456789", "push_endpoint": "https://push.example/ann"}
        await shop.prefers(ann, channels=both, **there)
        await shop.order(ORDER_CONFIRMED, ann, "ann@work.example")
        await until(lambda: _three(taken))
        await shop.settled()
        assert await shop.states(ann) == {"sms": "sent", "push": "sent"}
    for request in taken:
        verify(SECRET, request.headers["Shop-Signature"], request.content, now=time.time(), tolerance=60)
    assert len({request.headers["Idempotency-Key"] for request in taken}) == 2
    bodies = {request.url.host: request.content for request in taken}
    assert ": Order " in SmsRequest.model_validate_json(bodies["sms.example"]).text
    assert PushRequest.model_validate_json(bodies["push.example"]).title == "Order confirmed"


async def _three(taken: list[httpx.Request]) -> bool:
    return len(taken) >= 3


WORDS = {
    "en": {"headline": "A warm winter", "text": "15 % off."},
    "de": {"headline": "Warm", "text": "15 %."},
}


async def test_a_campaign_reaches_those_of_the_segment_who_agreed_once(shop: Shop) -> None:
    agreed = [shop.users.add(promotions=True) for _ in range(3)]
    german = shop.users.add(promotions=True, locale="de")
    declined = shop.users.add()
    for subject in (*agreed, german, declined):
        data = {"subject": subject}
        await shop.tell(Event(source="/user", type=REGISTERED, subject=subject, sequence=1, data=data))
    await shop.settled()
    new = {"id": str(uuid4()), "segment": {"languages": ["en"]}, "data": {"words": WORDS, "link": "/c/knit"}}
    for status in (201, 200):
        answer = await shop.http.post("/admin/campaigns", json=new, headers=shop.admin)
        assert answer.status_code == status, answer.text
    other = {**new, "segment": {}}
    assert (await shop.http.post("/admin/campaigns", json=other, headers=shop.admin)).status_code == 409

    async def done() -> bool:
        path = f"/admin/campaigns/{new['id']}"
        return bool((await shop.http.get(path, headers=shop.admin)).json()["state"] == "done")

    await until(done)
    await shop.settled()
    campaign = (await shop.http.get("/admin/campaigns", headers=shop.admin)).json()["items"][0]
    assert (campaign["looked_at"], campaign["messages"]) == (5, 3)
    assert sorted(mail.to[0] for mail in shop.post.mails) == sorted(shop.users.email(each) for each in agreed)
    assert {mail.subject for mail in shop.post.mails} == {"A warm winter"}
    assert len(await shop.rows(MESSAGE)) == 3


@on_sqlite
async def test_a_campaign_needs_english(shop: Shop) -> None:
    new = {"data": {"words": {"de": WORDS["de"]}}}
    assert (await shop.http.post("/admin/campaigns", json=new, headers=shop.admin)).status_code == 422


@pytest.mark.parametrize("channel", ["email", "sms", "push", "inbox"])
@on_sqlite
async def test_every_template_has_a_preview(shop: Shop, channel: str) -> None:
    listed = (await shop.http.get("/admin/templates", headers=shop.admin)).json()["items"]
    assert len(listed) == 15
    for each in listed:
        for locale in ("en-GB", "de"):
            path = f"/admin/templates/{each['name']}/preview"
            answer = await shop.http.get(
                path, params={"locale": locale, "channel": channel}, headers=shop.admin
            )
            assert answer.status_code == (200 if channel in each["channels"] else 404)
            if answer.status_code == 200:
                assert answer.json()["text"]
                assert (answer.json()["html"] is not None) == (channel == "email")
