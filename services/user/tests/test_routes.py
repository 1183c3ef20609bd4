"""Every route: who may call it, and who may not."""

from typing import Any
from uuid import uuid4

from shop_contracts.user.api import User
from shop_user.service import service

OPEN = {
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


async def routes(shop: Any) -> list[str]:
    document = (await shop.http.get("/openapi.json")).json()
    return [f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item]


async def test_each_route_takes_the_tokens_that_it_should_and_no_other(shop: Any) -> None:
    elsewhere = shop.services.token("order-taking", "catalog")  # a service's, made for another one
    stranger = shop.services.token("cart", "user")
    for route in await routes(shop):
        id = str(uuid4())  # of somebody new each time: some routes end all sessions of who calls
        scopes = "shop user:admin user:introspect"
        expired = shop.signer.token(id, scopes, seconds=-60)
        forged = type(shop.signer).generate().token(id, scopes)
        tokens = {
            "guest": shop.signer.token(f"guest:{id}", "guest"),
            "shopper": shop.signer.token(id, "shop"),
            "admin": shop.signer.token(id, "user:admin"),
        }

        async def status(token: str | None, route: str = route, id: str = id) -> int:
            method, path = route.split()
            async with shop.client(token) as http:
                return int((await http.request(method, path.replace("{id}", id))).status_code)

        if route in OPEN:
            assert await status(None) not in (401, 403), route
            continue
        for bad in (None, expired, forged, elsewhere, "nonsense"):
            assert await status(bad) == 401, route
        if "/internal" in route:
            assert {await status(token) for token in tokens.values()} == {401}, route
            assert await status(stranger) == 403, route
            continue
        assert await status(stranger) == 401, route
        refused = {name for name, token in tokens.items() if await status(token) == 403}
        assert refused == set(tokens) - allowed(route), route


def allowed(route: str) -> set[str]:
    if "/me" in route:
        return {"shopper", "guest"} if route in GUESTS_TOO else {"shopper"}
    return {"admin"} if "/admin" in route else set()


async def test_other_services_learn_whom_an_order_is_for(shop: Any) -> None:
    ann = await shop.shopper(name="Ann", locale="de")
    path = f"/internal/users/{ann.id}"
    for caller in ("order-taking", "notification", "payment"):
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
