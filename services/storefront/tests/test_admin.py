"""Dead letters, and what the forms of the admin area mean; without any neighbour."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_chassis.events import Event, MemoryBus
from shop_chassis.signing import Signer
from shop_storefront import csrf
from shop_storefront.forms import Form
from shop_storefront.near.letters import Letters, readable
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.campaigns import campaign_of

from .administrator import BOSS, SERVICES, becomes
from .conftest import Browser, Opens

ID = "0198f0a0-0000-7000-8000-000000000001"


@pytest.fixture
def signer() -> Signer:
    return Signer.generate()


async def test_with_nobody_there_the_overview_says_so(storefront_alone: Opens, signer: Signer) -> None:
    scope = " ".join(["shop", *(f"{each}:admin" for each in SERVICES)])
    async with storefront_alone(auth_jwks=None) as browser:
        await becomes(browser, scope, signer.token(BOSS, scope))
        answer = await browser.open("/admin")
        assert answer.status_code == 200
        assert browser.page.text.count("Does not answer right now") == 6  # without keys dead letters, too
        assert (await browser.open("/admin/letters")).status_code == 503
        assert "A part of the shop does not answer" in browser.page.text
        assert "Your cart" not in browser.page.text


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/admin/products", "catalog"),
        ("/admin/stock", "warehouse"),
        ("/admin/orders", "order-processing"),
        ("/admin/shipments", "logistics"),
        ("/admin/campaigns", "notification"),
    ],
)
async def test_an_administrator_is_told_which_service_does_not_answer_and_what_to_do(
    storefront_alone: Opens, signer: Signer, path: str, service: str
) -> None:
    scope = " ".join(["shop", *(f"{each}:admin" for each in SERVICES)])
    async with storefront_alone() as browser:
        await becomes(browser, scope, signer.token(BOSS, scope))
        answer = await browser.open(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert f"{service} does not answer" in browser.page.text
        assert "runbooks say under CircuitOpen" in browser.page.text
        assert "Your cart" not in browser.page.text
        assert {path, "/admin", "/admin/payments"} <= set(browser.page.links)


async def test_dead_letters_are_for_those_who_administer_who_gave_them_up(
    storefront_alone: Opens, signer: Signer, tmp_path: Path
) -> None:
    (tmp_path / "jwks.json").write_text(signer.jwks)
    async with storefront_alone(auth_jwks=str(tmp_path / "jwks.json")) as browser:
        await bury(browser.bus, "search", "catalog.price.changed", "a-price")
        await bury(browser.bus, "notification", "user.mail.requested", "a-mail")
        await becomes(browser, "shop search:admin", signer.token(BOSS, "shop search:admin"))
        await browser.open("/admin/letters")
        assert "catalog.price.changed" in browser.page.text
        assert "user.mail.requested" not in browser.page.text
        assert (await browser.open("/admin/letters/2")).status_code == 404
        await browser.open("/admin/letters/1")
        await browser.http.post("/admin/letters/2/replay", data={"csrf": await _csrf(browser)})
        assert await numbers(browser) == [1, 2]


async def test_the_session_is_not_believed_the_token_is(
    storefront_alone: Opens, signer: Signer, tmp_path: Path
) -> None:
    (tmp_path / "jwks.json").write_text(signer.jwks)
    async with storefront_alone(auth_jwks=str(tmp_path / "jwks.json")) as browser:
        await bury(browser.bus, "search", "catalog.price.changed", "a-price")
        await becomes(browser, "shop search:admin", signer.token(BOSS, "shop"))
        assert (await browser.open("/admin/letters")).status_code == 403
        forged = Signer.generate().token(BOSS, "shop search:admin")
        await becomes(browser, "shop search:admin", forged)
        answer = await browser.http.get("/admin/letters", follow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2Fadmin%2Fletters")


async def test_a_dead_letter_is_shown_without_its_secrets_and_delivered_with_them(
    storefront_alone: Opens, signer: Signer, tmp_path: Path
) -> None:
    (tmp_path / "jwks.json").write_text(signer.jwks)
    async with storefront_alone(auth_jwks=str(tmp_path / "jwks.json")) as browser:
        await bury(browser.bus, "notification", "user.mail.requested", "first", token="s3cr3t-of-the-mail")
        await bury(browser.bus, "notification", "user.mail.requested", "second")
        scope = "shop notification:admin"
        await becomes(browser, scope, signer.token(BOSS, scope))
        await browser.open("/admin/letters")
        assert "the mail server says no" in browser.page.text
        answer = await browser.open("/admin/letters/1")
        assert "first" in answer.text
        assert "s3cr3t" not in answer.text
        await browser.send("/admin/letters/1/replay")
        assert "It is delivered again." in browser.page.text
        assert await numbers(browser) == [2]
        [again] = await browser.bus.browse("user")
        assert Event.decode(again.body).data["token"] == "s3cr3t-of-the-mail"
        await browser.send("/admin/letters/replay", number="2")
        assert "There is no dead letter" in browser.page.text
        assert (await browser.open("/admin/letters/1")).status_code == 404


async def test_dead_letters_come_in_pages() -> None:
    bus = MemoryBus()
    for each in range(7):
        await bury(bus, "search" if each % 2 else "cart", "catalog.price.changed", str(each))
    letters = Letters(bus)
    first = await letters.page({"cart"}, limit=3)
    assert ([each.number for each in first.items], first.next) == ([1, 3, 5], 5)
    last = await letters.page({"cart"}, limit=3, after=first.next or 0)
    assert ([each.number for each in last.items], last.next) == ([7], None)
    assert await letters.find(2, {"cart"}) is None
    assert await letters.find(99, {"cart"}) is None


def test_what_cannot_be_read_is_shown_as_it_is() -> None:
    assert readable(b"\xff no JSON") == "\ufffd no JSON"
    shown = json.loads(readable(b'{"data": [{"token": "t", "name": "n"}], "password": {"x": 1}}'))
    assert "t" not in (shown["data"][0]["token"], shown["password"])
    assert shown["data"][0]["name"] == "n"


_line = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(st.dictionaries(_line, _line))
def test_attributes_are_read_as_they_are_shown(attributes: dict[str, str]) -> None:
    assert fields.attributes(Form({"a": fields.as_lines(attributes)}), "a") == attributes


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1)))
def test_times_are_read_as_they_are_shown_to_the_minute(at: datetime) -> None:
    minute = at.replace(second=0, microsecond=0, tzinfo=UTC)
    sent = fields.moment(Form({"at": fields.shown(minute)}), "at")
    assert sent is not None
    assert datetime.fromisoformat(sent) == minute


@pytest.mark.parametrize(
    ("sent", "version"), [("7", 7), ("", 0), ("-1", 0), ("x", 0), ("9" * 12, 0), ("²", 0)]
)
def test_a_version_is_a_number_or_none_there_is(sent: str, version: int) -> None:
    assert fields.version(Form({"version": sent})) == version


def test_a_campaign_says_what_its_form_says() -> None:
    form = Form(
        {
            "id": ID,
            "en.headline": "A warm winter",
            "en.text": "15 % off everything knitted.",
            "link": "/c/textiles",
            "orders_at_least": "2",
            "send_at": "2027-01-01T08:00",
        }
    )
    campaign = campaign_of(form)
    assert campaign is not None, form.errors
    assert str(campaign.id) == ID
    assert list(campaign.data.words) == ["en"]
    assert (campaign.segment.orders_at_least, campaign.segment.languages) == (2, None)
    assert campaign.send_at == datetime(2027, 1, 1, 8, tzinfo=UTC)


def test_what_is_wrong_with_a_campaign_is_said_at_its_field() -> None:
    form = Form(
        {"en.headline": "x", "de.text": "y", "link": "https://elsewhere.example", "orders_at_least": "0"}
    )
    assert campaign_of(form) is None
    assert set(form.errors) == {"en.text", "de.headline", "link", "orders_at_least"}


async def bury(bus: MemoryBus, consumer: str, topic: str, subject: str, **data: str) -> None:
    """A dead letter, as a consumer leaves it."""
    source, _, type = topic.partition(".")
    event = Event(source=f"/{source}", type=type, subject=subject, sequence=1, data=data)
    for stream in ("dlq", source):
        await bus.ensure_stream(stream, max_age=3600)
    headers = {"dlq-reason": "the mail server says no", "dlq-consumer": consumer, "dlq-tries": "5"}
    await bus.publish(f"dlq.{topic}", event.encode(), message_id=event.id, headers=headers)


async def numbers(browser: Browser) -> list[int]:
    """Of the letters that there are."""
    return [each.number for each in await browser.bus.browse("dlq")]


async def _csrf(browser: Browser) -> str:
    await browser.open("/help")
    return csrf.token(browser.http.cookies["shop"])
