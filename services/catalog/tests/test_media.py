"""Pictures of products."""

from typing import Any

import pytest
from shop_catalog.media import MAX_BYTES

from .conftest import on_sqlite

PNG = b"\x89PNG\r\n\x1a\n and so on"


async def upload(shop: Any, content: bytes = PNG, media_type: str = "image/png") -> Any:
    return await shop.admin.post("/admin/media", content=content, headers={"Content-Type": media_type})


@on_sqlite
async def test_a_picture_is_kept_once_and_never_changes(shop: Any) -> None:
    first, again = await upload(shop), await upload(shop)
    assert (first.status_code, again.json()) == (201, first.json())
    read = await shop.http.get(first.json()["url"])
    assert (read.content, read.headers["content-type"]) == (PNG, "image/png")
    assert "immutable" in read.headers["cache-control"]
    assert (await upload(shop, PNG + b".")).json() != first.json()


@on_sqlite
async def test_what_is_no_picture_is_refused(shop: Any) -> None:
    for content, media_type, status in (
        (b"<svg/>", "image/svg+xml", 415),
        (b"", "image/png", 422),
        (b"x" * (MAX_BYTES + 1), "image/png", 413),
    ):
        assert (await upload(shop, content, media_type)).status_code == status
    for name in ("0" * 32 + ".png", "0" * 32 + ".exe"):
        assert (await shop.http.get(f"/media/{name}")).status_code == 404
    for name in ("..%2Fcatalog.db", ".part", "x.png"):
        assert (await shop.http.get(f"/media/{name}")).status_code in (404, 422)


@on_sqlite
async def test_without_a_place_for_pictures_it_says_so(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.runtime, "_provided", {})
    answer = await shop.http.get("/media/" + "0" * 32 + ".png")
    assert (answer.status_code, "MEDIA_FOLDER" in answer.json()["detail"]) == (503, True)


async def test_a_product_shows_its_pictures_in_their_order(shop: Any) -> None:
    url = (await upload(shop)).json()["url"]
    sizes = [{"width": 240, "url": "/media/narrow.webp"}, {"width": 960, "url": url}]
    images = [
        {"url": url, "alt": "The lamp", "sizes": sizes},
        {"url": "https://cdn.example/2.webp", "alt": "", "sizes": []},
    ]
    made = await shop.product(images=images)
    assert made["images"] == images
    [listed] = (await shop.http.get("/products")).json()["items"]
    assert listed["images"] == images
    changed = await shop.admin.patch(
        f"/admin/products/{made['id']}", json={"images": images[::-1]}, headers={"If-Match": '"1"'}
    )
    assert changed.json()["images"] == images[::-1]
    assert (await shop.events())[-1].data["product"]["images"] == images[::-1]
    for bad in ({"url": "javascript:alert(1)"}, {"url": "/a b"}, {"url": ""}):
        answer = await shop.admin.patch(
            f"/admin/products/{made['id']}", json={"images": [bad]}, headers={"If-Match": '"2"'}
        )
        assert answer.status_code == 422
