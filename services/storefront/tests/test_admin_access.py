"""Who may enter the admin area: every route of it, whatever it is for, with no neighbour there."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from shop_chassis.signing import Signer
from shop_storefront import csrf
from shop_storefront.pages import FORM_BYTES
from shop_storefront.routes import admin
from shop_storefront.routes.admin.pictures import UPLOAD
from shop_storefront.service import service

from .administrator import BOSS, SERVICES, becomes
from .conftest import Browser, Opens

ANY = frozenset(SERVICES)
OPENED_BY = {
    "/admin": ANY,
    "/admin/letters": ANY,
    "/admin/products": {"catalog"},
    "/admin/families": {"catalog"},
    "/admin/offers": {"catalog"},
    "/admin/promotions": {"catalog"},
    "/admin/coupons": {"catalog"},
    "/admin/stock": {"warehouse"},
    "/admin/replenishments": {"warehouse"},
    "/admin/orders": {"order-processing"},
    "/admin/sagas": {"order-processing"},
    "/admin/payments": {"payment"},
    "/admin/shipments": {"logistics"},
    "/admin/returns": {"logistics"},
    "/admin/campaigns": {"notification"},
    "/admin/mails": {"notification"},
    "/admin/deliveries": {"notification"},
    "/admin/engines": {"search", "recommendation"},
    "/admin/engines/index": {"search"},
    "/admin/engines/model": {"recommendation"},
}
"""Whose administrators may use what is below a path; the longest counts."""
LOOKALIKES = "shop guest user:admin:x catalog catalog:administrator catalog:Admin :administrator admin"
"""Scopes that a careless comparison would take for a right."""
OTHERS = "shop xcatalog:admin storefront:admin user:admin"
"""Rights, but to none of the services that have pages here."""
_FILLED = {"id": "0198f0a0-0000-7000-8000-000000000001", "number": "1", "name": "promotion", "slug": "x"}
_FILLED |= {"plan": _FILLED["id"], "product_id": _FILLED["id"]}
_DEEDS = {"pictures": "first", "sagas": "retry"}


def path_of(route: APIRoute) -> str:
    """The route with its parameters filled in."""
    kind = route.path.split("/")[2] if route.path.count("/") > 1 else ""
    given = _FILLED | {"code": "rotterdam" if kind == "stock" else "WELCOME10"}
    given["deed"] = _DEEDS["pictures" if "pictures" in route.path else kind] if "{deed}" in route.path else ""
    return route.path.format(**given) + ("?since=2026-01-01T00:00Z" if route.path.endswith("/told") else "")


def routes() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Method, path, and whose administrators may use it."""
    for router in admin.routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            below = [each for each in OPENED_BY if f"{route.path}/".startswith(f"{each}/")]
            [method] = route.methods
            yield method, path_of(route), frozenset(OPENED_BY[max(below, key=len)])


ROUTES = list(routes())


@pytest.fixture
async def browser(storefront_alone: Opens, tmp_path: Path) -> AsyncIterator[Browser]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    # Nobody is there to wait for.
    async with storefront_alone(auth_jwks=str(tmp_path / "jwks.json"), patience=0.1) as opened:
        opened.app.state.signer = signer
        yield opened


async def is_given(browser: Browser, scope: str) -> None:
    """The session is somebody's with that scope, and so is its token."""
    await becomes(browser, scope, browser.app.state.signer.token(BOSS, scope))


async def ask(browser: Browser, method: str, path: str) -> tuple[int, str]:
    """Status and where it leads; what is sent has the token of a page."""
    data = {"csrf": csrf.token(browser.http.cookies["shop"])} if method == "POST" else None
    answer = await browser.http.request(method, path, data=data, follow_redirects=False)
    return answer.status_code, answer.headers.get("Location", "")


def test_the_area_is_all_that_there_is_below_its_path() -> None:
    assert len(ROUTES) > 40
    assert {method for method, _, _ in ROUTES} == {"GET", "POST"}
    others = {
        route.path
        for router in service.routers
        if router not in admin.routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/admin")
    }
    assert others == set()


async def test_strangers_are_asked_to_sign_in(browser: Browser) -> None:
    await browser.open("/help")
    for method, path, _ in ROUTES:
        status, leads_to = await ask(browser, method, path)
        assert status == 303, (method, path)
        assert leads_to.startswith("/sign-in?next=%2Fadmin" if method == "GET" else "/sign-in"), (
            method,
            path,
        )


@pytest.mark.parametrize("scope", ["shop", LOOKALIKES, OTHERS])
async def test_who_administers_nothing_sees_nothing_and_does_nothing(browser: Browser, scope: str) -> None:
    await is_given(browser, scope)
    for method, path, needed in ROUTES:
        if scope != OTHERS or needed != ANY:
            assert await ask(browser, method, path) == (403, ""), (method, path)
    await browser.open("/admin" if scope == OTHERS else "/help")
    shown = {link for link in browser.page.links if link.startswith("/admin")}
    assert shown == ({"/admin", "/admin/letters"} if scope == OTHERS else set())


@pytest.mark.parametrize("opened_by", sorted({opened_by for _, _, opened_by in ROUTES}, key=sorted))
async def test_a_right_opens_what_it_is_for_and_nothing_else(
    browser: Browser, opened_by: frozenset[str]
) -> None:
    mine = [(method, path) for method, path, needed in ROUTES if needed == opened_by]
    if opened_by != ANY:
        await is_given(browser, " ".join(["shop", *(f"{each}:admin" for each in ANY - opened_by)]))
        for method, path in mine:
            assert await ask(browser, method, path) == (403, ""), (method, path)
    for each in sorted(opened_by) if opened_by != ANY else ["cart"]:
        await is_given(browser, f"shop {each}:admin")
        for method, path in mine:
            status, leads_to = await ask(browser, method, path)
            closed = {403, 404} - {404 if path.startswith("/admin/letters/") else 0}  # there is no letter
            assert status not in closed, (method, path, status)
            assert "/sign-in" not in leads_to, (method, path)


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {}},
        {"data": {"csrf": "x" * 64}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Origin": "https://evil.example"}},
    ],
    ids=["no token", "another's token", "another site", "another origin"],
)
async def test_nothing_is_done_that_no_page_of_ours_asked_for(
    browser: Browser, sent: dict[str, dict]
) -> None:  # type: ignore[type-arg]
    await is_given(browser, " ".join(["shop", *(f"{each}:admin" for each in SERVICES)]))
    own = {"csrf": csrf.token(browser.http.cookies["shop"])}
    for method, path, _ in ROUTES:
        if method == "POST":
            answer = await browser.http.post(path, data=sent.get("data", own), headers=sent.get("headers"))
            assert answer.status_code == 403, path
            assert "open for too long" in answer.text, path


async def test_pages_are_nobody_elses_to_keep_or_to_frame(browser: Browser) -> None:
    await is_given(browser, " ".join(["shop", *(f"{each}:admin" for each in SERVICES)]))
    answer = await browser.open("/admin")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert browser.page.inline == []


async def test_an_upload_is_limited_and_large_for_those_alone_who_may(browser: Browser) -> None:
    path = f"/admin/products/{_FILLED['id']}/pictures"

    async def upload(size: int, *, told: bool = True) -> int:
        body, boundary = _multipart(csrf.token(browser.http.cookies["shop"]), size)

        async def pieces() -> AsyncIterator[bytes]:
            for begin in range(0, len(body), 2**16):
                yield body[begin : begin + 2**16]

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = await browser.http.post(path, content=body if told else pieces(), headers=headers)
        return answer.status_code

    await is_given(browser, "shop warehouse:admin")
    assert await upload(1000) == 403
    assert await upload(FORM_BYTES) == 413
    assert await upload(FORM_BYTES, told=False) == 413
    await is_given(browser, "shop catalog:admin")
    assert await upload(FORM_BYTES) == 503  # read, and catalog is not there
    assert await upload(UPLOAD + FORM_BYTES) == 413
    assert await upload(UPLOAD + FORM_BYTES, told=False) == 413


def _multipart(token: str, size: int) -> tuple[bytes, str]:
    boundary = "b" * 20
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    head = f'{part}csrf"\r\n\r\n{token}\r\n{part}file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    return head.encode() + bytes(size) + f"\r\n--{boundary}--\r\n".encode(), boundary
