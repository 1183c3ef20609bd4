"""Each service with nobody around it, or without its database: rows of docs/when-down.md that are alike."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop.local.members import MEMBERS, Member
from shop.local.place import Place
from shop.local.shop import Loaded, load, migrate
from shop_chassis.service import create_app
from shop_chassis.signing import Signer

SERVICES = Path(__file__).parents[2]
CHARTED = [member for member in MEMBERS if (SERVICES / member.name / "shopservice.yaml").exists()]
"""Those that the shop's chart has."""
NOTHING = "018f6d2e-6f00-7cc0-8000-000000000001"
MERCHANT = "the gateway's key"
LINES = [{"quantity": 1, "weight_grams": 700}]


@dataclass(frozen=True)
class Own:
    """Something that a service does by itself."""

    method: str
    path: str
    scope: str = ""
    body: Any = None


OWN = {
    "user": Own("POST", "/register", body={"email": "ann@shop.example", "password": "correct horse battery"}),
    "catalog": Own("GET", "/products"),
    "cart": Own("POST", "/carts"),
    "order-taking": Own("GET", "/admin/tax", "order-taking:admin"),
    "order-processing": Own("GET", "/orders", "shop"),
    "warehouse": Own("GET", f"/availability?id={NOTHING}"),
    "payment": Own("GET", "/admin/payments", "payment:admin"),
    "testgateway": Own("GET", "/v1/charges", MERCHANT),
    "wishlist": Own("GET", "/wishlists", "shop"),
    "storefront": Own("GET", "/help"),
    "recommendation": Own("GET", "/popular"),
    "search": Own("GET", "/search"),
    "notification": Own("GET", "/inbox", "shop"),
    "mailbox": Own("GET", "/mails"),
    "logistics": Own("POST", "/quotes", body={"country": "NL", "postal_code": "3011 AD", "lines": LINES}),
}
"""Of each that has an API."""
FOLLOWS = {"search"}
"""What has nothing of its own: all it knows it hears from others."""
AS_CHARTED: dict[str, dict[str, Any]] = {"notification": {"worker": False}}
"""Settings that a service has in the chart, other than in a local shop."""
WITHOUT_DATABASE = {"cart", "mailbox", "search", "storefront"}


@dataclass
class Alone:
    """A service whose neighbours all have the address of nobody."""

    place: Place
    signer: Signer
    loaded: Loaded

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(self.loaded.service, self.loaded.settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://alone", timeout=60) as http,
        ):
            yield http

    async def ask(self, http: httpx.AsyncClient, own: Own) -> httpx.Response:
        key = self.place.gateway_key
        token = key if own.scope == MERCHANT else self.signer.token("ann", own.scope)
        headers = {"Authorization": f"Bearer {token}"} if own.scope else {}
        return await http.request(own.method, own.path, json=own.body, headers=headers)


@pytest.fixture
def alone(tmp_path: Path, unused_tcp_port: int, member: Member) -> Alone:
    place = Place(tmp_path, dict.fromkeys((each.name for each in MEMBERS), unused_tcp_port))
    signer = place.write_keys(MEMBERS)
    place.write_admin()
    loaded = load(member, place)
    nowhere = {"events_url": f"nats://127.0.0.1:{unused_tcp_port}", "log_access": False}
    changed = nowhere | AS_CHARTED.get(member.name, {})
    return Alone(place, signer, replace(loaded, settings=loaded.settings.model_copy(update=changed)))


def of(names: Collection[str]) -> pytest.MarkDecorator:
    """The test is about each of these."""
    members = [member for member in CHARTED if member.name in names]
    return pytest.mark.parametrize("member", members, ids=[member.name for member in members])


ALL = {member.name for member in CHARTED}


def test_what_each_service_is_tried_with_is_what_it_has() -> None:
    assert set(OWN) == {member.name for member in CHARTED if member.load().routers}
    assert {member.name for member in CHARTED if member.load().migrations is None} == WITHOUT_DATABASE


@of(OWN.keys() - FOLLOWS)
async def test_with_nobody_around_it_is_ready_and_answers(alone: Alone, member: Member) -> None:
    """No broker, none of those that it calls; who only verifies tokens needs nobody for it either."""
    await migrate(alone.loaded)
    async with alone.running() as http:
        answer = await alone.ask(http, OWN[member.name])
        assert answer.is_success, answer.text
        assert (await http.get("/readyz")).json() == {"ready": True, "reasons": []}


@of(FOLLOWS)
async def test_what_only_follows_others_is_not_ready_before_it_has_heard_them(
    alone: Alone, member: Member
) -> None:
    async with alone.running() as http:
        assert (await http.get("/readyz")).status_code == 503
        assert (await alone.ask(http, OWN[member.name])).status_code == 503
        assert (await http.get("/healthz")).status_code == 200


@of(ALL - WITHOUT_DATABASE)
async def test_without_its_database_it_says_so_and_lives(
    alone: Alone, member: Member, unused_tcp_port: int
) -> None:
    database = {"database_url": f"postgresql://shop:secret@127.0.0.1:{unused_tcp_port}/shop"}
    settings = alone.loaded.settings.model_copy(update=database)
    alone.loaded = replace(alone.loaded, settings=settings)
    async with alone.running() as http:
        if member.name in OWN:
            answer = await alone.ask(http, OWN[member.name])
            assert answer.status_code == 503, answer.text
            assert answer.headers["Retry-After"]
            assert "127.0.0.1" not in answer.text
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reasons"][0].startswith("database: ")
        assert (await http.get("/healthz")).status_code == 200
