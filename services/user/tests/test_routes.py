"""Every route: who may call it, and who may not."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from shop_chassis.testing.access import routes_of
from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep
from shop_contracts.user.api import User
from shop_user.service import UserSettings, service

from .conftest import HOME, VISA

PUBLIC = {
    "POST /register",
    "POST /verify",
    "POST /login",
    "POST /refresh",
    "POST /logout",
    "POST /password-reset",
    "POST /password-reset:confirm",
    "POST /guests",
    "GET /.well-known/jwks.json",
}
GUESTS_TOO = {
    "DELETE /me",
    "GET /me/export",
    "GET /me/sessions",
    "DELETE /me/sessions",
    "DELETE /me/sessions/{id}",
}


async def test_who_may_do_what(settings: UserSettings, tmp_path: Path) -> None:
    await sweep(service, settings, tmp_path, public=PUBLIC)


async def test_what_is_anns_is_nobody_elses(shop: Any) -> None:
    ann, ben = await shop.shopper(), await shop.shopper("ben@example.com")
    elsewhere = await shop.signed_in()
    added = {}
    for kind, new in (("addresses", {"address": HOME}), ("payment-methods", VISA)):
        for who in (ben, ann):
            added[kind] = (await who.http.post(f"/me/{kind}", json=new)).raise_for_status().json()["id"]
    things = added | {"sessions": elsewhere.tokens["session_id"]}
    await sweep_ownership(shop.http, ann.http.headers, ben.http.headers, things)


async def test_what_guests_may_do(shop: Any) -> None:
    for route in routes_of(shop.app):
        if route.path.startswith("/me"):
            guest = shop.client(shop.signer.token(f"guest:{uuid4()}", "guest"))
            path = route.path.replace("{id}", str(uuid4()))
            allowed = (await guest.request(route.method, path)).status_code != 403
            assert allowed is (str(route) in GUESTS_TOO), route


async def test_other_services_learn_whom_an_order_is_for(shop: Any) -> None:
    ann = await shop.shopper(name="Ann", locale="de")
    path = f"/internal/users/{ann.id}"
    for caller in ("order-taking", "notification", "notification-worker", "payment"):
        answer = await shop.http.get(path, headers=shop.caller(caller))
        user = User.model_validate_json(answer.content)
        assert (str(user.id), user.email, user.name, user.locked) == (ann.id, "ann@example.com", "Ann", False)
        assert user.preferences.locale == "de"
    await shop.admin().post(f"/admin/users/{ann.id}:lock", json={"reason": "x"})
    assert (await shop.http.get(path, headers=shop.caller("payment"))).json()["locked"] is True
    assert (
        await shop.http.get(f"/internal/users/{uuid4()}", headers=shop.caller("payment"))
    ).status_code == 404
    ben = await shop.shopper("ben@example.com")
    await ben.http.delete("/me")
    assert (
        await shop.http.get(f"/internal/users/{ben.id}", headers=shop.caller("payment"))
    ).status_code == 404


async def test_routes_that_anybody_may_call_are_slowed_by_address(shop: Any, settings: Any) -> None:
    object.__setattr__(shop.runtime.settings, "anonymous_per_minute", 6.0)
    statuses = [(await shop.http.post("/guests")).status_code for _ in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    assert int((await shop.http.post("/guests")).headers["retry-after"]) > 0
    assert (await shop.http.get("/.well-known/jwks.json")).status_code == 200


async def test_the_documentation_shows_examples(shop: Any) -> None:
    document = (await shop.http.get("/openapi.json")).json()
    assert document["info"]["title"] == service.title
    for schema in ("Registration", "Tokens", "NewPaymentMethod", "Address", "Profile", "Scopes"):
        described = document["components"]["schemas"][schema]
        assert "example" in described or any("examples" in each for each in described["properties"].values())
