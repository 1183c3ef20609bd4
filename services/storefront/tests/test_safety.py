"""Cookies, forged requests, planted sessions; without any neighbour."""

import re

import pytest
from shop_chassis.cache import CacheUnavailable
from shop_chassis.cache.memory import MemoryCache
from shop_storefront.sessions import new_id, visitor_of
from shop_storefront.site import Site

from .conftest import Browser, Opens


async def test_the_cookie_is_strict(storefront_alone: Opens) -> None:
    async with storefront_alone(public_url="https://shop.example") as browser:
        answer = await browser.open("/help")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-shop=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        assert "Set-Cookie" not in (await browser.open("/help")).headers


async def test_a_form_without_its_pages_token_changes_nothing(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        assert (await browser.http.post("/cart/coupon", data={"code": "X"})).status_code == 403
        await browser.open("/help")
        for sent in ({}, {"csrf": ""}, {"csrf": "x" * 64}, {"csrf": "é"}):
            answer = await browser.http.post("/cart/coupon", data={"code": "X", **sent})
            assert answer.status_code == 403, sent
            assert "open for too long" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_another_sites_form_changes_nothing(storefront_alone: Opens, headers: dict[str, str]) -> None:
    async with storefront_alone() as browser:
        token = await _token(browser)
        answer = await browser.http.post("/cart/coupon", data={"csrf": token, "remove": "1"}, headers=headers)
        assert answer.status_code == 403


async def test_a_planted_cookie_is_worth_nothing_after_signing_in(storefront_alone: Opens) -> None:
    planted, fresh = new_id(), new_id()
    async with storefront_alone() as browser:
        site: Site = browser.app.state.runtime.get(Site)
        await site.sessions.change(planted, lambda session: session.model_copy(update={"guest_cart": "c"}))
        await site.sessions.move(planted, fresh, lambda session: session.model_copy(update={"name": "Ann"}))
        assert await site.sessions.load(planted) is None
        moved = await site.sessions.load(fresh)
        assert moved is not None
        assert (moved.name, moved.visitor) == ("Ann", visitor_of(planted))


@pytest.mark.parametrize("value", ["", "short", "x" * 31 + "é", "../../etc/passwd" * 2, "x" * 33])
async def test_a_cookie_that_is_none_of_ours_is_replaced(storefront_alone: Opens, value: str) -> None:
    async with storefront_alone() as browser:
        answer = await browser.http.get("/help", headers={"Cookie": f"shop={value}".encode()})
        assert answer.status_code == 200
        assert value not in answer.headers["Set-Cookie"].partition(";")[0].partition("=")[2] or value == ""


class Broken(MemoryCache):
    async def get(self, key: str, *, touch: float | None = None) -> bytes | None:
        raise CacheUnavailable("Redis at test: no answer")

    async def update(self, keys, change):  # type: ignore[no-untyped-def]
        raise CacheUnavailable("Redis at test: no answer")


async def test_without_sessions_pages_come_all_the_same(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        await browser.open("/help")
        site: Site = browser.app.state.runtime.get(Site)
        site.sessions._cache = Broken()
        assert (await browser.open("/help")).status_code == 200
        assert (await browser.open("/cart")).status_code == 200
        token = await _token(browser)
        answer = await browser.http.post("/cart/coupon", data={"csrf": token, "code": "X"})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"


async def test_files_are_named_by_what_is_in_them_and_kept_for_ever(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        page = (await browser.open("/help")).text
        paths = {part.split('"')[0] for part in page.split('"/static/')[1:]}
        assert {path.split(".")[0] for path in paths} >= {"shop", "htmx", "bricolage-600", "icon"}
        for path in paths:
            answer = await browser.http.get(f"/static/{path}")
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            if not path.endswith(".woff2"):
                assert answer.headers["Content-Encoding"] == "br"
        plain = await browser.http.get(
            f"/static/{next(iter(paths))}", headers={"Accept-Encoding": "identity"}
        )
        assert "Content-Encoding" not in plain.headers
        assert (await browser.http.get("/static/shop.css")).status_code == 404
        assert (await browser.http.get("/static/..%2Fservice.py")).status_code == 404


async def _token(browser: Browser) -> str:
    page = (await browser.open("/help")).text
    found = re.search(r"X-CSRF-Token&#34;: ?&#34;([^&]+)&#34;", page)
    assert found is not None
    return found.group(1)
