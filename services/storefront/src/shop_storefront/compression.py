"""Bodies as the browser takes them: brotli, gzip, or as they are."""

import gzip
from collections.abc import Mapping

import brotli

SMALLEST = 860
"""Bytes below which packing does not pay."""


def accepted(accept_encoding: str) -> str | None:
    """`br` or `gzip`, the better one of those that the browser takes; None for neither."""
    taken = {
        name.strip()
        for part in accept_encoding.split(",")
        for name, _, weight in [part.partition(";")]
        if weight.replace(" ", "") not in ("q=0", "q=0.0")
    }
    return next((each for each in ("br", "gzip") if each in taken), None)


def pack(body: bytes, encoding: str, *, once: bool = False) -> bytes:
    """`once`: as small as it gets, for what is packed at the start and sent for years."""
    if encoding == "br":
        packed: bytes = brotli.compress(body, quality=11 if once else 4)
        return packed
    return gzip.compress(body, compresslevel=9 if once else 5, mtime=0)


def packed(body: bytes) -> Mapping[str, bytes]:
    """Both forms of a file; none where they would save nothing."""
    forms = {encoding: pack(body, encoding, once=True) for encoding in ("br", "gzip")}
    return {encoding: form for encoding, form in forms.items() if len(form) < 0.9 * len(body)}
