"""Static files: kept in memory, named by what is in them, so that browsers keep them for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from mimetypes import guess_type

from fastapi import APIRouter, Request, Response

from shop_storefront.compression import accepted, packed

_FOLDER = files("shop_storefront") / "static"
_TEXT = (".css", ".js", ".svg", ".txt", ".webmanifest")
_TYPES = {".woff2": "font/woff2", ".webmanifest": "application/manifest+json", ".js": "text/javascript"}
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    path: str
    """With the digest: /static/shop.3f0c9a5be2.css"""
    body: bytes
    media_type: str
    forms: Mapping[str, bytes]
    """By content encoding."""


class Assets:
    """All files of the folder `static`. A style sheet's `url(name)` is given the digest too."""

    def __init__(self) -> None:
        sources = {
            each.name: each.read_bytes() for each in _FOLDER.iterdir() if not each.name.startswith(".")
        }
        self._by_name: dict[str, Asset] = {}
        for name in sorted(sources, key=lambda name: name.endswith(".css")):  # last: they name others
            body = sources[name]
            if name.endswith(".css"):
                for other, asset in self._by_name.items():
                    body = body.replace(f"url({other})".encode(), f"url({asset.path})".encode())
            self._by_name[name] = _asset(name, body)
        self.by_path = {each.path: each for each in self._by_name.values()}

    def url(self, name: str) -> str:
        """The path of a file. Raises KeyError for one that is not there."""
        return self._by_name[name].path

    def body(self, name: str) -> bytes:
        """What is in a file. Raises KeyError."""
        return self._by_name[name].body


def _asset(name: str, body: bytes) -> Asset:
    stem, dot, ending = name.rpartition(".")
    digest = blake2b(body, digest_size=6).hexdigest()
    media_type = _TYPES.get(dot + ending) or guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    forms = packed(body) if name.endswith(_TEXT) else {}
    return Asset(f"/static/{stem}.{digest}{dot}{ending}", body, media_type, forms)


router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
async def read_static(request: Request, name: str) -> Response:
    """A file, in the form that the browser likes best."""
    assets: Assets = request.app.state.runtime.get(Assets)
    asset = assets.by_path.get(f"/static/{name}")
    if asset is None:
        return Response("there is no such file\n", 404, {"Cache-Control": "no-store"}, "text/plain")
    encoding = accepted(request.headers.get("Accept-Encoding", ""))
    headers = dict(HEADERS) | ({"Vary": "Accept-Encoding"} if asset.forms else {})
    if encoding is not None and encoding in asset.forms:
        return Response(
            asset.forms[encoding], 200, headers | {"Content-Encoding": encoding}, asset.media_type
        )
    return Response(asset.body, 200, headers, asset.media_type)
