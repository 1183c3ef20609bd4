"""Wishlist with the real catalog and cart: fails when either side drifts from the contracts between them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from shop_cart.service import CartSettings
from shop_cart.service import service as cart
from shop_catalog.service import CatalogSettings
from shop_catalog.service import service as catalog
from shop_chassis.events import Event, MemoryBus
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.catalog.events import PRODUCT_CHANGED
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped
from shop_wishlist.service import WishlistSettings, service
from starlette.types import ASGIApp, Receive, Scope, Send

PATIENT = 20.0


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are the test runner's."""
        yield


@asynccontextmanager
async def serving(apps: dict[str, ASGIApp]) -> AsyncIterator[str]:
    """The applications behind one port of the loopback, each below its name; gives the URL of that."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        name, _, rest = scope["path"][1:].partition("/")
        await apps[name](scope | {"path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(dispatch, log_config=None, timeout_graceful_shutdown=1, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Shop:
    """Three services on one bus."""

    http: httpx.AsyncClient
    url: str
    bus: MemoryBus
    signer: Signer

    async def ask(self, method: str, path: str, scope: str = "shop", body: Any = None) -> Any:
        """As Ann."""
        headers = {"Authorization": f"Bearer {self.signer.token('ann', scope)}"}
        answer = await self.http.request(method, self.url + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def sell(self, title: str, amount: int) -> UUID:
        category = {"slug": "home", "title": "Home"}
        await self.ask("PUT", "/catalog/admin/categories/home", "catalog:admin", category)
        new = {"sku": title.upper(), "slug": title, "title": title, "category": "home"}
        price = {"amount": amount, "currency": "EUR"}
        made = await self.ask("POST", "/catalog/admin/products", "catalog:admin", {**new, "price": price})
        return UUID(made["id"])

    async def once_known(self, path: str, body: Any) -> Any:
        """The answer to a PUT, as soon as wishlist has heard of the product."""
        headers = {"Authorization": f"Bearer {self.signer.token('ann', 'shop')}"}
        async with asyncio.timeout(PATIENT):
            while True:
                answer = await self.http.put(self.url + path, json=body, headers=headers)
                if answer.is_success:
                    return answer.json()
                assert answer.json()["type"] == "unknown-product", answer.text
                await asyncio.sleep(0.01)


@pytest.fixture
async def shop(migrated: Migrated, tmp_path: Path, service_accounts: ServiceAccounts) -> AsyncIterator[Shop]:
    signer, bus, apps = Signer.generate(), MemoryBus(), dict[str, Any]()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    for stream in ("catalog", "wishlist", "warehouse", "user"):
        await bus.ensure_stream(stream, max_age=60)

    async def deploy(stack: AsyncExitStack, each: Service, kind: type[Settings], **more: Any) -> None:
        folder = tmp_path / each.name
        folder.mkdir()
        common = {
            "auth_jwks": f"{tmp_path}/jwks.json",
            "callers": service_accounts.write_callers(folder / "callers", each.name, ["wishlist", "cart"]),
            "identity_tokens": service_accounts.write_tokens(
                folder / "identity", each.name, ["catalog", "cart"]
            ),
            "log_access": False,
            "request_timeout": PATIENT,
        }
        if each.migrations:
            common["database_url"] = await asyncio.to_thread(migrated, each, "sqlite", folder)
        apps[each.name] = create_app(each, kind.model_validate(common | more), bus=bus)
        await stack.enter_async_context(apps[each.name].router.lifespan_context(apps[each.name]))

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(apps))
        near = {"catalog_url": f"{url}/catalog", "cart_url": f"{url}/cart"}
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENT))
        made = Shop(http, url, bus, signer)
        await deploy(stack, catalog, CatalogSettings)
        await made.sell("mug", 900)
        async with asyncio.timeout(PATIENT):
            await anext(bus.follow("catalog", [f"catalog.{PRODUCT_CHANGED}"]))
        bus._streams["catalog"].messages.clear()  # of the mug no event is kept any more
        await deploy(stack, cart, CartSettings, catalog_url=near["catalog_url"], catalog_timeout=PATIENT)
        await deploy(stack, service, WishlistSettings, cart_timeout=PATIENT, **near)
        yield made


async def test_what_is_wished_for_goes_into_the_cart(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 4900)
    await shop.once_known(f"/wishlist/wishlists/default/items/{lamp}", {"quantity": 2})
    path = f"/wishlist/wishlists/default/items/{lamp}:move-to-cart"
    await shop.ask("POST", path, body={"cart_id": "me"})
    [line] = (await shop.ask("GET", "/cart/carts/me"))["lines"]
    assert (line["product_id"], line["quantity"]) == (str(lamp), 2)
    assert (await shop.ask("GET", "/wishlist/wishlists/default"))["items"] == []


async def test_the_snapshot_and_a_fall_of_the_price_are_heard(shop: Shop) -> None:
    listed = await shop.ask("GET", "/catalog/products/mug")
    watch = await shop.once_known(f"/wishlist/watches/{listed['id']}", {})
    assert (watch["product"]["slug"], watch["reference"]["amount"]) == ("mug", 900)
    price = {"amount": 800, "currency": "EUR"}
    await shop.ask("PUT", f"/catalog/admin/products/{listed['id']}/price", "catalog:admin", price)
    async with asyncio.timeout(PATIENT):
        stored = await anext(shop.bus.follow("wishlist", [f"wishlist.{PRICE_DROPPED}"]))
    drop = PriceDropped.model_validate(Event.decode(stored.body).data)
    assert (drop.subject, drop.slug, drop.old.amount, drop.new.amount) == ("ann", "mug", 900, 800)
