"""Sessions over HTTP: refresh, logout, theft, introspection; and many at once on PostgreSQL."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from shop_user.tables import SESSION
from sqlalchemy import select

PASSWORD = "correct horse battery"

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""What the database decides is tested on each of them."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


async def introspect(shop: Any, token: str) -> dict[str, Any]:
    answer = await shop.http.post(
        "/internal/introspect", json={"token": token}, headers=shop.caller("storefront")
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_refresh_hands_on_the_session(shop: Any) -> None:
    ann = await shop.shopper()
    first = ann.tokens
    second = (await shop.refresh(first["refresh_token"])).json()
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    me = await shop.client(second["access_token"]).get("/me")
    assert me.json()["id"] == ann.id


@both
async def test_a_stolen_refresh_token_ends_the_session_for_both(
    shop: Any,
) -> None:
    ann = await shop.shopper()
    stolen = ann.tokens["refresh_token"]
    thief = (await shop.refresh(stolen)).json()
    with structlog.testing.capture_logs() as logged:
        assert problem(await shop.refresh(stolen)) == (401, "session-ended")
    assert problem(await shop.refresh(thief["refresh_token"])) == (401, "session-ended")
    [revoked] = await shop.revoked()
    assert (revoked.subject, str(revoked.sid)) == (ann.id, ann.tokens["session_id"])
    assert "refresh token used twice" in [line["event"] for line in logged]
    assert stolen not in str(logged)
    assert await introspect(shop, thief["access_token"]) == {
        "active": False,
        **dict.fromkeys(["sub", "scope", "sid", "iat", "exp"]),
    }
    assert (await shop.login()).status_code == 200


@both
async def test_logout_ends_one_session_and_may_be_repeated(shop: Any) -> None:
    ann, elsewhere = await shop.shopper(), await shop.signed_in()
    for token in (ann.tokens["refresh_token"], ann.tokens["refresh_token"], "never handed out"):
        answer = await shop.http.post("/logout", json={"refresh_token": token})
        assert answer.status_code == 204
    assert len(await shop.revoked()) == 1
    assert problem(await shop.refresh(ann.tokens["refresh_token"])) == (401, "session-ended")
    assert (await shop.refresh(elsewhere.tokens["refresh_token"])).status_code == 200


@both
async def test_where_one_is_signed_in(shop: Any) -> None:
    ann, elsewhere = await shop.shopper(), await shop.signed_in()
    sessions = (await ann.http.get("/me/sessions")).json()["items"]
    assert [(each["id"], each["current"]) for each in sessions] == [
        (elsewhere.tokens["session_id"], False),
        (ann.tokens["session_id"], True),
    ]
    path = f"/me/sessions/{elsewhere.tokens['session_id']}"
    assert [(await ann.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert problem(await shop.refresh(elsewhere.tokens["refresh_token"])) == (401, "session-ended")
    assert (await ann.http.delete("/me/sessions")).status_code == 204
    assert problem(await shop.refresh(ann.tokens["refresh_token"])) == (401, "session-ended")
    assert [revoked.sid is None for revoked in await shop.revoked()] == [False, True]


async def test_introspection_says_what_holds_right_now(shop: Any) -> None:
    ann = await shop.shopper()
    token = ann.tokens["access_token"]
    said = await introspect(shop, token)
    assert said["active"] is True
    assert (said["sub"], said["scope"], said["sid"]) == (ann.id, "shop", ann.tokens["session_id"])
    assert said["exp"] - said["iat"] == 600
    with_scope = shop.client(shop.signer.token("monitor", "user:introspect"))
    assert (await with_scope.post("/introspect", json={"token": token})).json() == said
    assert (await ann.http.post("/introspect", json={"token": token})).status_code == 403
    assert (await shop.http.post("/introspect", json={"token": token})).status_code == 401
    await shop.http.post("/logout", json={"refresh_token": ann.tokens["refresh_token"]})
    assert (await introspect(shop, token))["active"] is False
    assert (await introspect(shop, "no.token.atall"))["active"] is False
    forged = type(shop.signer).generate().token(ann.id, "shop user:admin")
    assert (await introspect(shop, forged))["active"] is False
    without_session = shop.signer.token("robot", "catalog:admin")
    assert (await introspect(shop, without_session))["active"] is True
    odd = shop.signer.token("robot", "catalog:admin", sid="not an id")
    assert (await introspect(shop, odd))["active"] is False


async def test_access_tokens_of_a_session_that_has_ended_are_refused(shop: Any) -> None:
    """The service follows its own events, as every other does."""
    guest = (await shop.http.post("/guests")).json()
    http = shop.client(guest["access_token"])
    assert (await http.get("/me/sessions")).status_code == 200
    await shop.http.post("/logout", json={"refresh_token": guest["refresh_token"]})
    async with asyncio.timeout(20):
        while (await http.get("/me/sessions")).status_code != 401:
            await asyncio.sleep(0.02)


@both
async def test_of_refreshes_with_one_token_at_once_one_wins_and_the_session_ends(shop: Any) -> None:
    """Decided by the database: on PostgreSQL each has a connection and all run at once."""
    for _ in range(5):
        guest = (await shop.http.post("/guests")).json()
        answers = await asyncio.gather(*(shop.refresh(guest["refresh_token"]) for _ in range(4)))
        won = [answer for answer in answers if answer.status_code == 200]
        assert len(won) == 1
        assert {problem(answer) for answer in answers if answer not in won} == {(401, "session-ended")}
        assert problem(await shop.refresh(won[0].json()["refresh_token"])) == (401, "session-ended")
    assert len(await shop.revoked()) == 5


@both
async def test_refresh_logout_reset_lock_and_login_at_once_leave_nobody_signed_in(shop: Any) -> None:
    """Each takes the locks in the same order: no deadlock, and what ends sessions ends them all."""
    ann = await shop.shopper()
    more = [await shop.signed_in() for _ in range(3)]
    admin = shop.admin()
    calls = [shop.refresh(each.tokens["refresh_token"]) for each in (ann, *more)]
    calls += [shop.http.post("/logout", json={"refresh_token": more[0].tokens["refresh_token"]})]
    calls += [admin.post(f"/admin/users/{ann.id}:lock", json={"reason": "test"}), shop.login()]
    calls += [ann.http.delete(f"/me/sessions/{more[1].tokens['session_id']}")]
    answers = await asyncio.gather(*calls)
    assert max(answer.status_code for answer in answers) < 500
    for answer in answers:
        if answer.status_code == 200 and "refresh_token" in answer.json():
            assert (await shop.refresh(answer.json()["refresh_token"])).status_code == 401
    async with shop.runtime.store.session() as session:
        assert (await session.execute(select(SESSION).where(SESSION.c.ended_at.is_(None)))).all() == []
    assert problem(await shop.login()) == (403, "account-locked")


@pytest.mark.parametrize("body", [{"refresh_token": "x"}, {"refresh_token": ""}, {}])
async def test_unknown_refresh_tokens(shop: Any, body: dict[str, str]) -> None:
    answer = await shop.http.post("/refresh", json=body)
    assert answer.status_code == (401 if body.get("refresh_token") else 422)
    assert await shop.revoked() == []
