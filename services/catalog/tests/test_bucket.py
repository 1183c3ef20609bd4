"""Pictures in a bucket: kept, shown, and missed while the bucket cannot be asked."""

import asyncio
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from obstore.store import S3Store
from pydantic import ValidationError
from shop_catalog import bucket
from shop_catalog.bucket import Bucket
from shop_catalog.errors import MediaUnavailable
from shop_catalog.service import CatalogSettings
from shop_chassis.binding import Binding

from .conftest import on_sqlite
from .s3_server import S3Server
from .test_media import upload


def made(server: S3Server, url: str = S3Server.url) -> Bucket:
    return Bucket(url, endpoint=server.endpoint, region="us-east-1", credentials=server.credentials)


@pytest.fixture
def media(request: pytest.FixtureRequest) -> dict[str, Any]:
    if not request.node.get_closest_marker("s3"):
        return {}
    server: S3Server = request.getfixturevalue("s3_server")
    return {
        "media_url": f"{server.url}/catalog",
        "media_endpoint": server.endpoint,
        "service_binding_root": server.bindings,
    }


@pytest.mark.s3
async def test_a_file_has_its_type_so_that_the_bucket_can_serve_it_too(s3_server: S3Server) -> None:
    await made(s3_server, f"{s3_server.url}/a/folder").put("a.webp", b"picture")
    store = S3Store(
        "pictures",
        endpoint=s3_server.endpoint,
        access_key_id="shop",
        secret_access_key="secret",
        region="us-east-1",
        client_options={"allow_http": True},
    )
    found = await store.get_async("a/folder/a.webp")
    assert found.attributes["Content-Type"] == "image/webp"
    assert "immutable" in found.attributes["Cache-Control"]
    assert bytes(await found.bytes_async()) == b"picture"


@pytest.mark.s3
@on_sqlite
async def test_while_the_bucket_is_down_there_are_no_pictures_and_all_else_is_as_ever(
    shop: Any, s3_server: S3Server
) -> None:
    kept = await upload(shop)
    assert kept.status_code == 201
    [narrow, *_] = kept.json()["sizes"]
    before = await shop.http.get(narrow["url"])
    assert (before.status_code, before.headers["content-type"]) == (200, "image/webp")

    s3_server.kill()
    for refused in (await upload(shop), await shop.http.get(narrow["url"])):
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["type"] == "media-unavailable"
        assert "cache-control" not in refused.headers
    assert (await shop.http.get("/readyz")).status_code == 200
    await shop.product(images=[{"url": narrow["url"], "alt": "The lamp", "sizes": []}])
    assert (await shop.http.get("/products")).json()["items"]

    s3_server.start()
    after = await back(shop.http, narrow["url"])
    assert after.content == before.content
    assert (await upload(shop)).json() == kept.json()


async def back(http: httpx.AsyncClient, url: str) -> httpx.Response:
    async with asyncio.timeout(60):
        while (answer := await http.get(url)).status_code == 503:
            await asyncio.sleep(0.05)
    return answer


@pytest.mark.s3
@on_sqlite
async def test_what_is_not_in_the_bucket_is_a_404(shop: Any) -> None:
    assert (await shop.http.get(f"/media/{'0' * 32}.webp")).status_code == 404


@pytest.mark.s3
async def test_a_bucket_that_is_not_there_is_no_missing_picture(s3_server: S3Server) -> None:
    nowhere = made(s3_server, "s3://elsewhere")
    with pytest.raises(MediaUnavailable):
        await nowhere.get("a.webp")
    with pytest.raises(MediaUnavailable):
        await nowhere.put("a.webp", b"picture")


@pytest.mark.s3
async def test_new_credentials_are_used_without_a_restart(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "READ_AGAIN", timedelta())
    s3_server.write_credentials("shop", "not this one")
    pictures = made(s3_server)
    for _ in range(10):  # a refusal is an answer: it does not keep later ones from being sent
        with pytest.raises(MediaUnavailable):
            await pictures.put("a.webp", b"picture")
    s3_server.write_credentials("shop", "secret")
    await pictures.put("a.webp", b"picture")
    assert await pictures.get("a.webp") == b"picture"


async def test_a_bucket_that_hangs_is_not_waited_for_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "WHOLE", 0.2)
    for key in ("username", "password"):
        (tmp_path / key).write_text("shop")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        pictures = Bucket("s3://a-bucket", endpoint=endpoint, region="x", credentials=Binding(tmp_path))
        for _ in range(5):
            with pytest.raises(MediaUnavailable, match="cannot be used"):
                await pictures.get("a.webp")
        begun = time.monotonic()
        with pytest.raises(MediaUnavailable, match="does not answer"):
            await pictures.get("a.webp")
        assert time.monotonic() - begun < 0.1


@pytest.mark.parametrize(
    "url", ["pictures", "http://pictures", "s3://", "s3://Pictures", "s3://a b", "s3://pictures?x=1"]
)
def test_what_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        CatalogSettings(media_url=url)


@pytest.mark.parametrize("url", ["s3://pictures", "s3://pictures.example.com/shop/media"])
def test_what_names_a_bucket_is_taken(url: str) -> None:
    assert CatalogSettings(media_url=url).media_url == url


def test_only_who_uses_a_bucket_pays_for_its_import() -> None:
    code = "import sys, shop_catalog.service; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
