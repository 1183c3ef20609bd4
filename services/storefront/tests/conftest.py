"""The storefront with the shop's own services behind it: `shop local` in a process, once for a run."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser as Chromium
from shop.keys import from_file
from shop.local.addresses import Addresses
from shop.seed import seed_drawn
from shop.testing import LocalShop
from shop_chassis.events import MemoryBus
from shop_chassis.service import create_app
from shop_chassis.testing.browser import chromium
from shop_chassis.testing.clock import Clock
from shop_chassis.testing.process import ServiceProcess
from shop_storefront.near.clients import Neighbours
from shop_storefront.service import service
from shop_storefront.settings import StorefrontSettings

from .browser import LONG, window
from .browser import Opens as Windows

NAMES = tuple(name.replace("_", "-") for name in Neighbours.__dataclass_fields__)
NOBODY = "http://127.0.0.1:9"
"""Where nothing answers: the port of `discard`."""
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "en-IE,en;q=0.8", "Accept-Encoding": "br"}


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(0.0)


async def until(condition: Callable[[], bool]) -> None:
    """Lets others run until it holds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Addresses]:
    """The whole shop with its demo data; `STOREFRONT_NEIGHBOURS` names the addresses of one that runs."""
    if there := os.environ.get("STOREFRONT_NEIGHBOURS"):
        yield Addresses.model_validate_json(Path(there).read_text())
        return
    shop = LocalShop(folder, *words)
    try:
        yield shop.start()
        assert shop.stop() == 0
    finally:
        shop.kill()


@pytest.fixture(scope="session")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The whole shop with a product of each kind, without pictures: what most tests are about is neither."""
    with running(tmp_path_factory.mktemp("shop"), "--few") as addresses:
        yield addresses


@dataclass
class Browser:
    """A browser without scripts: keeps cookies, follows redirects, sends the forms of the shown page."""

    http: httpx.AsyncClient
    app: FastAPI
    bus: MemoryBus
    page: "Page"

    async def open(self, path: str, **more: Any) -> httpx.Response:
        answer = await self.http.get(path, **more)
        self.page = Page.of(answer)
        return answer

    async def send(self, action: str, **fields: str) -> httpx.Response:
        """The form of the shown page that leads to `action`, with these fields filled in otherwise."""
        form = self.page.form(action)
        answer = await self.http.post(action, data={**form, **fields})
        self.page = Page.of(answer)
        return answer


class Page(HTMLParser):
    """What a page has, as far as tests ask."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        """Scripts, styles and handlers that stand in the page: there must be none."""
        self._words: list[str] = []
        self._open = False
        self._writing: str | None = None
        """The text area that is being read."""
        self._choosing: str | None = None
        """The list of choices that is being read."""

    @classmethod
    def of(cls, answer: httpx.Response) -> "Page":
        page = cls()
        page.feed(answer.text)
        return page

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def form(self, action: str) -> dict[str, str]:
        found = [fields for leads, fields in self.forms if leads == action]
        assert found, f"no form leads to {action}, only {[leads for leads, _ in self.forms]}"
        return dict(next((fields for fields in found if "csrf" in fields), found[0]))  # one that is posted

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if tag == "form":
            self._open = True
            self.forms.append((given.get("action", ""), {}))
        sent = given.get("type") not in ("radio", "checkbox") or "checked" in given
        if tag == "input" and self._open and "name" in given and sent:
            self.forms[-1][1][given["name"]] = given.get("value", "")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("textarea", "select") and self._open and "name" in given:
            name = given["name"]
            if tag == "textarea":
                self._writing = name
                self.forms[-1][1][name] = ""
            else:
                self._choosing = name
        if (
            tag == "option"
            and self._choosing
            and ("selected" in given or self._choosing not in self.forms[-1][1])
        ):  # without a choice it is the first
            self.forms[-1][1][self._choosing] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"
        if tag in ("textarea", "select"):
            self._writing = self._choosing = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._writing:
            self.forms[-1][1][self._writing] += data


Opens = Callable[..., AbstractAsyncContextManager[Browser]]


def told(urls: Mapping[str, str], **settings: Any) -> StorefrontSettings:
    """What a storefront in this process is told; a neighbour that is not among `urls` is away."""
    given = {f"{name.replace('-', '_')}_url": urls.get(name, NOBODY) for name in NAMES}
    # Long: a busy machine must not look like a neighbour that is away.
    patient = {"log_access": False, "page_seconds": 60.0, "patience": 40.0, "request_timeout": 90}
    return StorefrontSettings(**{**patient, **given, **settings})


@asynccontextmanager
async def _opened(urls: Mapping[str, str], **settings: Any) -> AsyncIterator[Browser]:
    bus, known = MemoryBus(), told(urls, **settings)
    app = create_app(service, known, bus=bus)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=f"{known.public_url.scheme}://shop",
            headers=BROWSER,
            follow_redirects=True,
        ) as http,
    ):
        yield Browser(http, app, bus, Page())


@pytest.fixture
def storefront(neighbours: Addresses) -> Opens:
    """`async with storefront(without=["catalog"]) as browser`: a storefront and somebody who looks at it."""

    def opened(without: Collection[str] = (), **settings: Any) -> AbstractAsyncContextManager[Browser]:
        urls = {name: url for name, url in neighbours.services.items() if name not in without}
        return _opened(urls, **settings)

    return opened


@pytest.fixture
def storefront_alone() -> Opens:
    """The same with no neighbour there."""
    return lambda **settings: _opened({}, **settings)


# -- a real browser, which has a shop with pictures

TWO_PAGES = 112
"""Two products of each kind: a category at the top has more of them than a page shows."""


@pytest.fixture(scope="session")
def whole_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """With pictures; in a long run with all products."""
    with running(tmp_path_factory.mktemp("whole-shop"), *(() if LONG else ("--few",))) as addresses:
        if not LONG:
            with ThreadPoolExecutor(1) as thread:  # here the browser's loop runs already
                thread.submit(asyncio.run, drawn(addresses)).result()
        yield addresses


async def drawn(addresses: Addresses) -> None:
    """The products of two pages are there, with their pictures."""
    urls = {name: addresses.services[name] for name in ("catalog", "warehouse")}
    await seed_drawn(urls, from_file(addresses.private_key), TWO_PAGES)


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of pages go: `STOREFRONT_SHOTS`."""
    folder = Path(os.environ.get("STOREFRONT_SHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chromium]:
    """Closed after each module: an event loop runs while it is there, and no other test could have one."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def served(whole_shop: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A storefront as in a pod, with patience for a busy machine."""
    urls = {name: whole_shop.services.get(name, NOBODY) for name in NAMES}
    environment = {f"{name.replace('-', '_').upper()}_URL": url for name, url in urls.items()}
    process = ServiceProcess(
        "shop_storefront",
        tmp_path_factory.mktemp("storefront"),
        PATIENCE="40",
        PAGE_SECONDS="60",
        REQUEST_TIMEOUT="90",
        DRAIN_SECONDS="0",
        AUTH_JWKS=str(whole_shop.private_key.with_name("jwks.json")),
        **environment,
    )
    process.start()
    yield process.url
    process.terminate()
    assert process.wait() == 0


@pytest.fixture
def opens(chrome: Chromium, served: str, shots: Path) -> Windows:
    return partial(window, chrome, served, shots)
