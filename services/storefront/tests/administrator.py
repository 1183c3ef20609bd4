"""Somebody who runs the shop, as tests need them: a session with rights, as signing in leaves it."""

import time
from typing import Any

import httpx
from shop.keys import from_file
from shop.local.addresses import Addresses
from shop_storefront.sessions import Session
from shop_storefront.site import Site

from .conftest import Browser

SERVICES = (
    "catalog",
    "search",
    "cart",
    "wishlist",
    "recommendation",
    "warehouse",
    "order-taking",
    "order-processing",
    "payment",
    "logistics",
    "notification",
)
BOSS = "0198f0a0-0000-7000-8000-0000000000ad"


def holding(subject: str, scope: str, token: str) -> dict[str, Any]:
    """Of a session: whose it is. For an hour nobody needs to ask user about it."""
    return {
        "subject": subject,
        "scope": scope,
        "access_token": token,
        "access_until": time.time() + 3600,
        "refresh_token": "r",
    }


def signed_in(neighbours: Addresses, subject: str, scope: str) -> Session:
    """Somebody's, with a token that services take."""
    token = from_file(neighbours.private_key).token(subject, scope)
    return Session(name="Bo Example", **holding(subject, scope, token))


async def becomes(browser: Browser, scope: str, token: str = "x.y.z") -> None:
    """The browser's session is somebody's with that scope."""
    await browser.open("/help")
    held = {"name": "Boss", **holding(BOSS, scope, token)}
    site: Site = browser.app.state.runtime.get(Site)

    def change(session: Session) -> Session:
        return session.model_copy(update=held)

    # A browser without a session has no cookie until there is something to remember: this is its page's.
    await site.sessions.change(browser.http.cookies["shop"], change)


async def administers(browser: Browser, neighbours: Addresses, *services: str) -> None:
    """The browser is that of an administrator of these services, of all when none is named."""
    scope = " ".join(["shop", *(f"{each}:admin" for each in services or SERVICES)])
    token = from_file(neighbours.private_key).token(BOSS, scope)
    await becomes(browser, scope, token)


def jwks(neighbours: Addresses) -> str:
    """The keys that their tokens are signed with."""
    return str(neighbours.private_key.with_name("jwks.json"))


def asking(neighbours: Addresses, service: str, token: str | None = None) -> httpx.AsyncClient:
    """A service's API, with a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=neighbours.services[service], headers=headers, timeout=60)
