"""Somebody with an account, and a browser that is signed in without the detour of the page."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import httpx
from shop import demo
from shop.local.addresses import CONSOLE, Addresses
from shop_contracts.user.api import Tokens
from shop_storefront.sessions import Session
from shop_storefront.site import Site
from shop_storefront.tokens import with_tokens

from .conftest import Browser

PASSWORD = "correct horse battery"
PATIENCE = 60.0


@dataclass(frozen=True)
class Person:
    """An account of one test."""

    email: str
    session: Session
    """With its tokens, as the storefront keeps them."""


async def mailed(neighbours: Addresses, email: str, template: str) -> str:
    """The token of the newest mail of that kind to somebody."""
    async with httpx.AsyncClient(base_url=neighbours.services[CONSOLE]) as console, asyncio.timeout(PATIENCE):
        while True:
            mails = (await console.get("/mails", params={"to": email})).json()["items"]
            if found := [mail for mail in mails if mail["template"] == template]:
                return str(found[0]["data"]["token"])
            await asyncio.sleep(0.05)


async def new_person(neighbours: Addresses) -> Person:
    """Somebody who has just confirmed their address."""
    email = f"{uuid4().hex[:12]}@example.com"
    async with httpx.AsyncClient(base_url=neighbours.services["user"], timeout=PATIENCE) as user:
        wanted = {"email": email, "password": PASSWORD, "name": "Bo Example"}
        (await user.post("/register", json=wanted)).raise_for_status()
        token = await mailed(neighbours, email, "verify-email")
        (await user.post("/verify", json={"token": token})).raise_for_status()
    return Person(email, await session_of(neighbours, email, PASSWORD))


async def shopper(neighbours: Addresses) -> Person:
    """The demo's, who is there already: for tests that change nothing of theirs."""
    email, password = demo.SHOPPER
    return Person(email, await session_of(neighbours, email, password))


async def session_of(neighbours: Addresses, email: str, password: str) -> Session:
    """As after signing in."""
    async with httpx.AsyncClient(base_url=neighbours.services["user"], timeout=PATIENCE) as user:
        answer = await user.post("/login", json={"email": email, "password": password})
        tokens = Tokens.model_validate_json(answer.raise_for_status().content)
    return with_tokens(Session(name="Bo Example"), tokens)


async def is_in(browser: Browser, person: Person) -> Browser:
    """The browser, signed in: also where user is away."""
    await browser.open("/help")
    site: Site = browser.app.state.runtime.get(Site)
    given = person.session.model_dump(exclude={"visitor"}, exclude_defaults=True)
    await site.sessions.change(browser.http.cookies["shop"], lambda session: session.model_copy(update=given))
    return browser
