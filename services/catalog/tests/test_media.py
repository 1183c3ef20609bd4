"""Pictures of products."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from PIL import Image
from shop_catalog.errors import MediaUnavailable
from shop_catalog.media import MAX_BYTES, Folder, MediaStore, Moved, Rows

from .conftest import on_sqlite
from .s3_server import S3Server


def drawn(width: int = 600, height: int = 400, form: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), (180, 90, 40)).save(out, form, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A picture of 10^9 pixels in a few bytes: only its head is as it should be."""
    head = b"IHDR" + (50_000).to_bytes(4, "big") + (20_000).to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + crc32(head).to_bytes(4, "big") + PNG[33:]


PNG = drawn()


async def upload(shop: Any, content: bytes = PNG, media_type: str = "image/png") -> Any:
    return await shop.admin.post("/admin/media", content=content, headers={"Content-Type": media_type})


@on_sqlite
async def test_a_picture_is_kept_once_in_several_sizes_and_never_changes(shop: Any) -> None:
    first, again = await upload(shop), await upload(shop)
    assert (first.status_code, again.json()) == (201, first.json())
    sizes = first.json()["sizes"]
    assert [size["width"] for size in sizes] == [160, 320, 480, 600]
    assert first.json()["url"] == sizes[-1]["url"]
    for size in sizes:
        read = await shop.http.get(size["url"])
        assert read.headers["content-type"] == "image/webp"
        assert "immutable" in read.headers["cache-control"]
        assert Image.open(BytesIO(read.content)).size == (size["width"], round(size["width"] * 2 / 3))
    assert (await upload(shop, drawn(601))).json() != first.json()


@on_sqlite
async def test_a_picture_is_turned_as_the_camera_said_and_tells_nothing_else(shop: Any) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"  # turned by 90 degrees
    answer = await upload(shop, drawn(300, 200, "JPEG", exif=exif), "image/jpeg")
    read = Image.open(BytesIO((await shop.http.get(answer.json()["url"])).content))
    assert (read.size, dict(read.getexif())) == ((200, 300), {})


@on_sqlite
async def test_every_type_is_read(shop: Any) -> None:
    for form in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
        answer = await upload(shop, drawn(form=form), f"image/{form.lower()}")
        assert answer.status_code == 201, form


@on_sqlite
async def test_what_is_no_picture_is_refused(shop: Any) -> None:
    for content, media_type, status in (
        (b"<svg/>", "image/svg+xml", 415),
        (b"", "image/png", 422),
        (PNG[:60], "image/png", 422),
        (PNG, "image/jpeg", 422),
        (b"<html>", "image/png", 422),
        (bomb(), "image/png", 422),
        (drawn(15, 40), "image/png", 422),
        (b"x" * (MAX_BYTES + 1), "image/png", 413),
    ):
        assert (await upload(shop, content, media_type)).status_code == status
    for name in ("0" * 32 + ".png", "0" * 32 + ".exe"):
        assert (await shop.http.get(f"/media/{name}")).status_code == 404
    for name in ("..%2Fcatalog.db", ".part", "x.png"):
        assert (await shop.http.get(f"/media/{name}")).status_code in (404, 422)


@pytest.fixture(params=["folder", "database", pytest.param("bucket", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, shop: Any, tmp_path: Path) -> MediaStore:
    if request.param == "folder":
        return Folder(tmp_path / "media")
    if request.param == "database":
        return Rows(shop.runtime.store)
    from shop_catalog.bucket import Bucket

    server: S3Server = request.getfixturevalue("s3_server")
    return Bucket(server.url, endpoint=server.endpoint, region="us-east-1", credentials=server.credentials)


async def test_what_is_kept_twice_is_kept_once(store: MediaStore) -> None:
    await asyncio.gather(*(store.put("a.webp", b"picture") for _ in range(4)))
    assert await store.get("a.webp") == b"picture"
    assert await store.get("b.webp") is None


async def test_what_was_kept_before_a_move_is_still_found(tmp_path: Path) -> None:
    old, new = Folder(tmp_path / "old"), Folder(tmp_path / "new")
    await old.put("a.webp", b"before")
    moved = Moved(new, old)
    await moved.put("b.webp", b"after")
    assert [await moved.get(f"{name}.webp") for name in "abc"] == [b"before", b"after", None]
    assert (await new.get("b.webp"), await old.get("b.webp")) == (b"after", None)


async def test_what_was_kept_before_a_move_is_found_while_the_new_place_is_away(tmp_path: Path) -> None:
    class Away(Folder):
        async def get(self, name: str) -> bytes | None:
            raise MediaUnavailable("away")

    old = Folder(tmp_path / "old")
    await old.put("a.webp", b"before")
    moved = Moved(Away(tmp_path / "new"), old)
    assert await moved.get("a.webp") == b"before"
    with pytest.raises(MediaUnavailable):  # it may be there: this is no 404
        await moved.get("b.webp")


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
