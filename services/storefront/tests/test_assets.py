import json
import re
from hashlib import sha256
from importlib.resources import files

import pytest
from shop_storefront.assets import Assets
from shop_storefront.compression import accepted, pack
from shop_storefront.templating import HTMX

STATIC = files("shop_storefront") / "static"
VENDORED = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "bricolage-600.woff2": "b34fc8c1ef0ac8798455ac2979eae4b4f90f0d327e3584d1032fa77a8a9a66ca",
}
OURS = [each.name for each in STATIC.iterdir() if each.name.endswith(".js") and each.name not in VENDORED]


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_vendored_is_as_it_was_published(name: str) -> None:
    assert sha256((STATIC / name).read_bytes()).hexdigest() == VENDORED[name]
    assert (STATIC / f"{name.partition('.')[0].partition('-')[0]}.LICENSE.txt").is_file()


def test_scripts_of_our_own_are_few_lines() -> None:
    assert sum(len((STATIC / name).read_text().splitlines()) for name in OURS) < 150


def test_the_font_is_light() -> None:
    assert len((STATIC / "bricolage-600.woff2").read_bytes()) < 40 * 1024


def test_the_style_sheet_names_files_by_their_digests() -> None:
    assets = Assets()
    assert f"url({assets.url('bricolage-600.woff2')})" in assets.body("shop.css").decode()
    assert re.fullmatch(r"/static/shop\.[0-9a-f]{12}\.css", assets.url("shop.css"))
    with pytest.raises(KeyError):
        assets.url("nothing.css")


def test_htmx_evaluates_nothing_and_writes_no_style() -> None:
    assert (HTMX["allowEval"], HTMX["includeIndicatorStyles"], HTMX["selfRequestsOnly"]) == (
        False,
        False,
        True,
    )
    assert "style" not in json.dumps(HTMX["attributesToSettle"])


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
        ("br;q=0,gzip; q=0", None),
    ],
)
def test_bodies_are_packed_as_the_browser_likes_them(header: str, chosen: str | None) -> None:
    assert accepted(header) == chosen


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_packing_the_same_gives_the_same(encoding: str) -> None:
    body = b"<p>the same</p>" * 200
    assert pack(body, encoding) == pack(body, encoding)
    assert len(pack(body, encoding, once=True)) < len(body) / 10
