"""From registration to sign-in, and back in when the password is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from shop_chassis.context import current
from shop_chassis.service import create_app
from shop_chassis.tables import utc_now
from shop_contracts.user.api import ACCESS_SECONDS
from shop_contracts.user.events import REGISTERED, VERIFIED
from shop_user import throttle
from shop_user.passwords import Passwords
from shop_user.service import service
from shop_user.tables import ACCOUNT, ATTEMPTS, METADATA, OUTBOX, PENDING
from shop_user.throttle import LOGIN_OF_ACCOUNT, MAIL_TO_ADDRESS
from sqlalchemy import event, func, select, update

PASSWORD = "correct horse battery"
OTHER = "another long password"

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""What the database decides is tested on each of them."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a refusal, which tells nothing of what was sent."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert "horse" not in answer.text
    return answer.status_code, answer.json()["type"]


@contextmanager
def statements(shop: Any) -> Iterator[list[str]]:
    """What requests ask of the database meanwhile, without the values; not what the relay does."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if current() is not None:
            seen.append(statement)

    engine = shop.runtime.store.session().get_bind()  # that of which all others are made
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait begins with an hour: none is over before the test is, however slow the machine."""
    hour = timedelta(hours=1)
    for name, free in (("LOGIN_OF_ACCOUNT", 5), ("LOGIN_FROM_ADDRESS", 20)):
        limit = replace(getattr(throttle, name), free=free, first=hour, longest=100 * hour)
        monkeypatch.setattr(f"shop_user.accounts.{name}", limit)


async def unblock(shop: Any) -> None:
    """Time passes."""
    async with shop.runtime.store.transaction() as session:
        await session.execute(update(ATTEMPTS).values(blocked_until=utc_now()))


@both
async def test_register_verify_sign_in(shop: Any) -> None:
    body = {"email": "Ann@Example.COM", "password": PASSWORD, "name": "Ann", "locale": "de"}
    assert (await shop.http.post("/register", json=body)).status_code == 202
    [mail] = await shop.mails("Ann@example.com")
    assert (mail.template, mail.locale, mail.data["name"]) == ("verify-email", "de", "Ann")
    assert problem(await shop.login("ann@example.com")) == (401, "wrong-credentials")
    assert (await shop.http.post("/verify", json={"token": mail.data["token"]})).status_code == 204
    answer = await shop.login("ANN@example.com")
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert [event.type for event in await shop.events()][1:] == [REGISTERED, VERIFIED]
    assert {event.subject for event in await shop.events(REGISTERED)} == {tokens["subject"]}
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["sub"] == tokens["subject"]
    assert claims["sid"] == tokens["session_id"]
    assert claims["scope"] == tokens["scope"] == "shop"
    assert claims["exp"] - claims["iat"] == ACCESS_SECONDS == tokens["expires_in"]
    assert jwt.get_unverified_header(tokens["access_token"])["alg"] == "ES256"
    me = await shop.client(tokens["access_token"]).get("/me")
    assert (me.json()["email"], me.json()["name"], me.headers["etag"]) == ("Ann@example.com", "Ann", '"1"')
    preferences = await shop.client(tokens["access_token"]).get("/me/preferences")
    assert preferences.json()["locale"] == "de"


async def test_anybody_can_check_the_tokens_with_the_published_keys(shop: Any) -> None:
    ann = await shop.shopper()
    answer = await shop.http.get("/.well-known/jwks.json")
    [key] = jwt.PyJWKSet.from_dict(answer.json()).keys
    claims = jwt.decode(ann.tokens["access_token"], key, algorithms=["ES256"], audience="shop", issuer="shop")
    assert claims["sub"] == ann.id
    assert "d" not in answer.json()["keys"][0]  # the private part


@both
@pytest.mark.parametrize("route", ["/register", "/password-reset"])
async def test_answer_and_work_are_the_same_whether_there_is_an_account(shop: Any, route: str) -> None:
    await shop.account("ann@example.com")
    more = {"password": PASSWORD} if route == "/register" else {}
    seen, answers = {}, {}
    for email in ("ann@example.com", "ben@example.com"):
        with statements(shop) as seen[email]:
            answers[email] = await shop.http.post(route, json={"email": email, **more})
    ann, ben = answers.values()
    assert (ann.status_code, ann.content) == (ben.status_code, ben.content) == (202, ann.content)
    assert ann.headers.keys() == ben.headers.keys()
    assert seen["ann@example.com"] == seen["ben@example.com"] != []


async def test_a_login_that_fails_says_and_does_the_same_whoever_it_is_for(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.account("ann@example.com")
    hashed: list[str] = []
    passwords = next(part for part in shop.runtime._components if isinstance(part, Passwords))
    verify = passwords._hasher.verify_and_update
    monkeypatch.setattr(
        passwords._hasher,
        "verify_and_update",
        lambda word, stored: (hashed.append(stored), verify(word, stored))[1],
    )
    seen, answers = {}, {}
    for email in ("ann@example.com", "ben@example.com"):
        with statements(shop) as seen[email]:
            answers[email] = await shop.login(email, "not the right one")
    ann, ben = answers.values()
    assert problem(ann) == problem(ben) == (401, "wrong-credentials")
    assert ann.content == ben.content
    assert seen["ann@example.com"] == seen["ben@example.com"] != []
    parameters = [stored.split("$")[3] for stored in hashed]
    assert parameters[0] == parameters[1]


async def test_who_registers_again_is_told_by_mail_at_the_address_of_the_account(shop: Any) -> None:
    await shop.account("Ann@example.com", locale="de")
    await shop.http.post("/register", json={"email": "aNN@EXAMPLE.com", "password": OTHER})
    assert [mail.template for mail in await shop.mails("Ann@example.com")] == [
        "verify-email",
        "account-exists",
    ]
    told = (await shop.mails("Ann@example.com"))[-1]
    assert (told.locale, "token" in told.data) == ("de", False)
    assert problem(await shop.login("ann@example.com", OTHER)) == (401, "wrong-credentials")
    await shop.http.post("/password-reset", json={"email": "nobody@example.com"})
    [told] = await shop.mails("nobody@example.com")
    assert (told.template, "token" in told.data) == ("no-account", False)


@both
async def test_of_two_registrations_the_confirmed_one_is_the_account(shop: Any) -> None:
    stranger = await shop.register("ann@example.com", "the stranger's password")
    owner = await shop.register("ann@example.com", PASSWORD)
    assert (await shop.http.post("/verify", json={"token": owner})).status_code == 204
    assert problem(await shop.http.post("/verify", json={"token": stranger})) == (422, "invalid-token")
    assert (await shop.login()).status_code == 200
    assert problem(await shop.login(password="the stranger's password")) == (401, "wrong-credentials")


@both
async def test_a_token_of_a_mail_is_good_once_for_its_purpose_and_not_for_ever(shop: Any) -> None:
    token = await shop.register("ann@example.com")
    reset = {"token": token, "password": OTHER}
    assert problem(await shop.http.post("/password-reset:confirm", json=reset)) == (422, "invalid-token")
    answers = await asyncio.gather(*(shop.http.post("/verify", json={"token": token}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422, 422]
    assert len(await shop.events(REGISTERED)) == 1
    late = await shop.register("ben@example.com")
    async with shop.runtime.store.transaction() as session:
        await session.execute(update(PENDING).values(expires_at=utc_now()))
    assert problem(await shop.http.post("/verify", json={"token": late})) == (422, "invalid-token")
    unknown = {"token": "x" * 43}
    assert problem(await shop.http.post("/verify", json=unknown)) == (422, "invalid-token")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 12 characters"),
        ("password1234", "most common"),
        ("PassWord1234", "most common"),
        ("abababababab", "different characters"),
        ("annabelle@example.com", "e-mail address"),
        ("x" * 257, "at most 256"),
    ],
)
async def test_weak_passwords_are_refused_with_the_reason(shop: Any, password: str, words: str) -> None:
    body = {"email": "annabelle@example.com", "password": password}
    answer = await shop.http.post("/register", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert password not in answer.text
    assert await shop.events() == []


async def test_guessing_gets_slower_and_slower(shop: Any, slow: None) -> None:
    await shop.account()
    for _ in range(LOGIN_OF_ACCOUNT.free):
        assert problem(await shop.login(password="wrong")) == (401, "wrong-credentials")
    blocked = await shop.login()  # the right one is not looked at
    assert problem(blocked) == (429, "too-many-tries")
    waits = [int(blocked.headers["retry-after"])]
    for _ in range(3):
        await unblock(shop)
        assert problem(await shop.login("ANN@example.com", "wrong")) == (401, "wrong-credentials")
        waits.append(int((await shop.login()).headers["retry-after"]))
    assert waits == sorted(set(waits))
    await unblock(shop)
    assert (await shop.login()).status_code == 200
    assert problem(await shop.login(password="wrong")) == (401, "wrong-credentials")
    assert (await shop.login()).status_code == 200  # a login forgives


@both
async def test_guessing_many_at_once_is_no_way_around(shop: Any, slow: None) -> None:
    await shop.account()
    answers = await asyncio.gather(*(shop.login(password="wrong") for _ in range(20)))
    looked_at = [answer.status_code for answer in answers].count(401)
    assert looked_at == LOGIN_OF_ACCOUNT.free
    assert {answer.status_code for answer in answers} == {401, 429}


async def test_one_address_cannot_try_all_accounts(shop: Any, slow: None) -> None:
    statuses = [(await shop.login(f"ann{n}@example.com", "wrong")).status_code for n in range(21)]
    assert statuses == [401] * 20 + [429]


@both
async def test_nobodys_inbox_is_filled(shop: Any) -> None:
    for _ in range(6):
        answer = await shop.http.post("/password-reset", json={"email": "ann@example.com"})
        assert answer.status_code == 202
    assert len(await shop.mails("ann@example.com")) == MAIL_TO_ADDRESS.free
    await shop.http.post("/password-reset", json={"email": "ben@example.com"})
    assert len(await shop.mails("ben@example.com")) == 1


def test_the_wait_grows_up_to_a_limit() -> None:
    waits = [LOGIN_OF_ACCOUNT.wait(tries) for tries in range(1, 200)]
    assert waits == sorted(waits)
    assert waits[:5] == [timedelta(0)] * 4 + [timedelta(seconds=1)]
    assert waits[-1] == timedelta(minutes=15)


async def reset_token(shop: Any, email: str = "ann@example.com") -> str:
    assert (await shop.http.post("/password-reset", json={"email": email})).status_code == 202
    mail = (await shop.mails(email))[-1]
    assert mail.template == "reset-password"
    return str(mail.data["token"])


@both
async def test_a_reset_sets_the_password_and_ends_every_session(shop: Any) -> None:
    ann = await shop.shopper()
    for _ in range(LOGIN_OF_ACCOUNT.free):
        await shop.login(password="wrong")
    first, second = await reset_token(shop), await reset_token(shop)
    body = {"token": first, "password": OTHER}
    answers = await asyncio.gather(*(shop.http.post("/password-reset:confirm", json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422]
    again = await shop.http.post("/password-reset:confirm", json={"token": second, "password": PASSWORD})
    assert problem(again) == (422, "invalid-token")
    assert problem(await shop.refresh(ann.tokens["refresh_token"])) == (401, "session-ended")
    [revoked] = await shop.revoked()
    assert (revoked.subject, revoked.sid) == (ann.id, None)
    claims = jwt.decode(ann.tokens["access_token"], options={"verify_signature": False})
    assert claims["iat"] < revoked.revoked_before.timestamp()
    assert (await shop.mails("ann@example.com"))[-1].template == "password-changed"
    # Not blocked either: the reset shows who it is.
    answer = await shop.login(password=OTHER)
    assert answer.status_code == 200
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["iat"] > revoked.revoked_before.timestamp()
    assert problem(await shop.login(password=PASSWORD)) == (401, "wrong-credentials")


async def test_a_reset_refuses_weak_passwords_and_keeps_its_token_for_a_better_one(shop: Any) -> None:
    await shop.account()
    token = await reset_token(shop)
    weak = await shop.http.post("/password-reset:confirm", json={"token": token, "password": "password1234"})
    assert problem(weak) == (422, "weak-password")
    good = await shop.http.post("/password-reset:confirm", json={"token": token, "password": OTHER})
    assert good.status_code == 204


@both
async def test_who_is_signed_in_changes_the_password_and_stays_signed_in_here(shop: Any) -> None:
    ann = await shop.shopper()
    elsewhere = await shop.signed_in()
    wrong = await ann.http.post("/me/password", json={"current": "wrong", "new": OTHER})
    assert problem(wrong) == (403, "wrong-password")
    weak = await ann.http.post("/me/password", json={"current": PASSWORD, "new": "ann@example.com"})
    assert problem(weak) == (422, "weak-password")
    done = await ann.http.post("/me/password", json={"current": PASSWORD, "new": OTHER})
    assert done.status_code == 204
    assert (await shop.refresh(ann.tokens["refresh_token"])).status_code == 200
    assert problem(await shop.refresh(elsewhere.tokens["refresh_token"])) == (401, "session-ended")
    assert [str(revoked.sid) for revoked in await shop.revoked()] == [elsewhere.tokens["session_id"]]
    assert (await shop.login(password=OTHER)).status_code == 200


async def test_a_password_kept_with_other_parameters_is_kept_anew_at_login(shop: Any) -> None:
    await shop.account()
    weaker = Passwords(workers=1, waiting=0, memory_kib=32)
    async with shop.runtime.store.transaction() as session:
        await session.execute(update(ACCOUNT).values(password_hash=await weaker.hash(PASSWORD)))
    await weaker.stop()
    assert (await shop.login()).status_code == 200
    async with shop.runtime.store.session() as session:
        kept = (await session.execute(select(ACCOUNT.c.password_hash))).scalar_one()
    assert kept.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    assert (await shop.login()).status_code == 200


async def test_many_logins_at_once_all_get_in_also_while_the_password_is_kept_anew(shop: Any) -> None:
    await shop.account()
    weaker = Passwords(workers=1, waiting=0, memory_kib=32)
    async with shop.runtime.store.transaction() as session:
        await session.execute(update(ACCOUNT).values(password_hash=await weaker.hash(PASSWORD)))
    await weaker.stop()
    answers = await asyncio.gather(*(shop.login() for _ in range(LOGIN_OF_ACCOUNT.free)))
    assert {answer.status_code for answer in answers} == {200}


async def test_the_same_password_typed_on_another_keyboard_is_the_same(shop: Any) -> None:
    await shop.account(password="café noisette 12")
    assert (await shop.login(password="cafe\u0301 noisette 12")).status_code == 200


async def test_without_a_key_nobody_is_signed_in_and_nothing_is_counted(settings: Any, shop: Any) -> None:
    await shop.account()
    app = create_app(service, settings.model_copy(update={"auth_private_key": None}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://user") as http:
        login = await http.post("/login", json={"email": "ann@example.com", "password": PASSWORD})
        assert (login.status_code, login.headers["retry-after"]) == (503, "10")
        assert (await http.post("/guests")).status_code == 503
        assert (await http.get("/.well-known/jwks.json")).status_code == 503
    await app.state.runtime.stop()
    async with shop.runtime.store.session() as session:
        tries = select(func.count()).where(ATTEMPTS.c.key.startswith("account:"))
        assert (await session.execute(tries)).scalar_one() == 0


async def test_guests_get_tokens_of_their_own(shop: Any) -> None:
    first, second = [(await shop.http.post("/guests")).json() for _ in range(2)]
    assert first["subject"].startswith("guest:")
    assert first["subject"] != second["subject"]
    assert first["scope"] == "guest"
    guest = shop.client(first["access_token"])
    assert (await guest.get("/me")).status_code == 403
    assert len((await guest.get("/me/sessions")).json()["items"]) == 1
    refreshed = await shop.refresh(first["refresh_token"])
    assert (refreshed.json()["subject"], refreshed.json()["scope"]) == (first["subject"], "guest")


@both
async def test_no_secret_is_in_the_database(shop: Any) -> None:
    ann = await shop.shopper()
    token = await reset_token(shop)
    async with shop.runtime.store.session() as session:
        for table in METADATA.sorted_tables:
            if table is OUTBOX.events:
                continue  # the mail's token is there until the mail service has it: it is what the mail says
            rows = str((await session.execute(select(table))).all())
            for secret in (PASSWORD, token, ann.tokens["refresh_token"], ann.tokens["access_token"]):
                assert secret not in rows, table.name


async def test_no_secret_is_in_a_log_or_an_answer_to_a_mistake(
    shop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = await shop.shopper()
    mistakes = [
        ("/login", b'{"email": "ann@example.com", "password": ["correct horse battery"]}'),
        ("/login", b'{"email": "ann@example.com", "password": "correct horse battery", "x": 1}'),
        ("/login", b'{"email": "ann@example.com", "password": "correct horse battery\\ud800"}'),
        ("/login", b'{"email": "ann@example.com", "password": "correct horse battery'),
        ("/register", b'{"email": "correct horse battery", "password": "correct horse battery"}'),
        ("/refresh", b'{"refresh_token": {"is": "correct horse battery"}}'),
    ]
    for path, body in mistakes:
        answer = await shop.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert "horse" not in answer.text
    await shop.refresh(ann.tokens["refresh_token"])
    await shop.refresh(ann.tokens["refresh_token"])
    mail = await reset_token(shop)
    written = "".join(capsys.readouterr())
    for secret in (PASSWORD, "horse", mail, ann.tokens["refresh_token"], ann.tokens["access_token"]):
        assert secret not in written
