"""What administrators do with accounts, and where the first of them comes from."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from pydantic import TypeAdapter
from shop_chassis.service import create_app
from shop_contracts.user.api import Scope
from shop_contracts.user.events import REGISTERED
from shop_user.first_admin import FirstAdmin
from shop_user.service import UserSettings, service

PASSWORD = "correct horse battery"

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""What the database decides is tested on each of them."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


@both
async def test_accounts_by_page_address_and_state(shop: Any) -> None:
    people = [await shop.shopper(f"{name}@example.com") for name in ("ann", "ben", "cid")]
    admin = shop.admin()
    seen, after = [], None
    for _ in range(3):
        page = (
            await admin.get("/admin/users", params={"limit": 1} | ({"after": after} if after else {}))
        ).json()
        seen += [user["id"] for user in page["items"]]
        after = page["next"]
    assert (seen, after) == ([each.id for each in reversed(people)], None)
    [found] = (await admin.get("/admin/users", params={"email": "BEN@example.com"})).json()["items"]
    assert (found["id"], found["state"], found["email"]) == (people[1].id, "active", "ben@example.com")
    await admin.post(f"/admin/users/{people[0].id}:lock", json={"reason": "test"})
    await people[2].http.delete("/me")
    for state, expected in (("locked", 0), ("active", 1), ("erased", 2)):
        items = (await admin.get("/admin/users", params={"state": state})).json()["items"]
        assert [(user["id"], user["state"]) for user in items] == [(people[expected].id, state)]
    assert (await admin.get("/admin/users", params={"after": "nonsense"})).status_code == 422


@both
async def test_a_locked_account_is_out_at_once_and_in_again_when_unlocked(shop: Any) -> None:
    ann = await shop.shopper()
    admin, path = shop.admin(), f"/admin/users/{ann.id}"
    locked = await admin.post(f"{path}:lock", json={"reason": "stolen password"})
    assert (locked.json()["state"], locked.json()["locked_reason"]) == ("locked", "stolen password")
    assert (await admin.post(f"{path}:lock", json={"reason": "again"})).json() == locked.json()
    assert problem(await shop.login()) == (403, "account-locked")
    assert problem(await shop.login(password="wrong")) == (401, "wrong-credentials")
    assert problem(await shop.refresh(ann.tokens["refresh_token"])) == (401, "session-ended")
    revoked = (await shop.revoked())[0]
    assert (revoked.subject, revoked.sid) == (ann.id, None)
    unlocked = await admin.post(f"{path}:unlock")
    assert (unlocked.json()["state"], unlocked.json()["locked_reason"]) == ("active", None)
    assert (await admin.post(f"{path}:unlock")).json() == unlocked.json()
    assert (await shop.login()).status_code == 200


async def test_sessions_can_be_ended(shop: Any) -> None:
    ann = await shop.shopper()
    assert (await shop.admin().delete(f"/admin/users/{ann.id}/sessions")).status_code == 204
    assert problem(await shop.refresh(ann.tokens["refresh_token"])) == (401, "session-ended")
    assert (await shop.login()).status_code == 200


@both
async def test_scopes_are_granted_and_taken_away(shop: Any) -> None:
    ann = await shop.shopper()
    admin, path = shop.admin(), f"/admin/users/{ann.id}/scopes"
    wanted = {"scopes": ["catalog:admin", "warehouse:admin", "catalog:admin"]}
    assert (await admin.put(path, json=wanted)).status_code == 428
    assert (await admin.put(path, json=wanted, headers={"If-Match": '"5"'})).status_code == 412
    granted = await admin.put(path, json=wanted, headers={"If-Match": '"1"'})
    assert (granted.json()["scopes"], granted.headers["etag"]) == (
        ["catalog:admin", "warehouse:admin"],
        '"2"',
    )
    refreshed = (await shop.refresh(ann.tokens["refresh_token"])).json()
    assert refreshed["scope"] == "shop catalog:admin warehouse:admin"
    none = await admin.put(path, json={"scopes": []}, headers={"If-Match": '"2"'})
    assert none.json()["scopes"] == []
    # What was handed out with them is refused everywhere; the session goes on without them.
    claims = jwt.decode(refreshed["access_token"], options={"verify_signature": False})
    assert claims["iat"] < (await shop.revoked())[-1].revoked_before.timestamp()
    assert (await shop.refresh(refreshed["refresh_token"])).json()["scope"] == "shop"
    for scope in ("shop", "guest", "catalog", "Catalog:Admin", "a b:c"):
        refused = await admin.put(path, json={"scopes": [scope]}, headers={"If-Match": '"3"'})
        assert refused.status_code == 422


async def test_nobody_shuts_themselves_out(shop: Any) -> None:
    ann = await shop.shopper()
    scopes = {"scopes": ["user:admin"]}
    await shop.admin().put(f"/admin/users/{ann.id}/scopes", json=scopes, headers={"If-Match": '"1"'})
    ann = await shop.signed_in()
    match = {"If-Match": '"2"'}
    locked = await ann.http.post(f"/admin/users/{ann.id}:lock", json={"reason": "me"})
    assert problem(locked) == (409, "own-account")
    without = await ann.http.put(f"/admin/users/{ann.id}/scopes", json={"scopes": []}, headers=match)
    assert problem(without) == (409, "own-account")
    more = {"scopes": ["user:admin", "catalog:admin"]}
    assert (await ann.http.put(f"/admin/users/{ann.id}/scopes", json=more, headers=match)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", ":lock", {"reason": "x"}),
        ("POST", ":unlock", None),
        ("DELETE", "/sessions", None),
        ("PUT", "/scopes", {"scopes": []}),
    ],
)
async def test_who_is_not_there_is_a_404(shop: Any, method: str, path: str, body: Any) -> None:
    headers = {"If-Match": "*"}
    answer = await shop.admin().request(method, f"/admin/users/{uuid4()}{path}", json=body, headers=headers)
    assert answer.status_code == 404


def secret(folder: Path, email: str, password: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "email").write_text(f"{email}\n")
    (folder / "password").write_text(f"{password}\n")
    return folder


async def start(settings: Any, folder: Path) -> None:
    """A replica comes up with this Secret; returns when it is done with it."""
    app = create_app(service, settings.model_copy(update={"first_admin": folder}))
    [component] = [each for each in app.state.runtime._components if isinstance(each, FirstAdmin)]
    async with app.router.lifespan_context(app):
        await component.made()


@both
async def test_the_first_administrator_comes_from_a_secret_once(
    shop: Any, settings: Any, tmp_path: Path
) -> None:
    folder = secret(tmp_path / "admin", "Root@example.com", PASSWORD)
    for _ in range(2):
        await start(settings, folder)
    assert len(await shop.events(REGISTERED)) == 1
    root = await shop.signed_in("root@example.com")
    assert {"shop", "user:admin", "catalog:admin"} <= set(root.tokens["scope"].split())
    assert (await root.http.get("/admin/users")).status_code == 200
    changed = {"current": PASSWORD, "new": "a password of my own"}
    assert (await root.http.post("/me/password", json=changed)).status_code == 204
    await start(settings, folder)
    assert problem(await shop.login("root@example.com")) == (401, "wrong-credentials")


def test_the_first_administrator_may_do_all_that_there_is() -> None:
    scopes = UserSettings().first_admin_scopes.split()
    assert TypeAdapter(list[Scope]).validate_python(scopes) == scopes
    folders = Path(__file__).parents[2]
    guarded = {
        folder.name
        for folder in folders.iterdir()
        if (folder / "shopservice.yaml").is_file()
        and any(f'"{folder.name}:admin"' in source.read_text() for source in (folder / "src").rglob("*.py"))
    }
    assert {f"{name}:admin" for name in guarded} <= set(scopes)


async def test_a_shopper_is_not_made_administrator_by_the_secret(
    shop: Any, settings: Any, tmp_path: Path
) -> None:
    await shop.account("root@example.com")
    await start(settings, secret(tmp_path / "admin", "root@example.com", "another long password"))
    assert (await shop.signed_in("root@example.com")).tokens["scope"] == "shop"


@pytest.mark.parametrize(("email", "password"), [("root@example.com", "password1234"), ("root", PASSWORD)])
async def test_a_secret_that_will_not_do_is_refused_and_not_repeated(
    shop: Any, tmp_path: Path, email: str, password: str
) -> None:
    folder = secret(tmp_path / "admin", email, password)
    with pytest.raises(ValueError) as refused:
        await FirstAdmin(folder, [], shop.runtime.store, None)._make()  # type: ignore[arg-type]
    assert password not in str(refused.value)
    assert (await shop.admin().get("/admin/users")).json()["items"] == []


def test_each_scope_of_the_first_administrator_is_one() -> None:
    scopes = UserSettings().first_admin_scopes.split()
    assert len(set(scopes)) == len(scopes)
    assert all(scope.partition(":")[2] == "admin" for scope in scopes), scopes
