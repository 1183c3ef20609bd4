"""A model in bytes and back: what training writes and every replica reads into its memory.

    magic · format · SHA-256 of the rest | zlib( length of header · header (JSON) · arrays )

The arrays are little-endian, 32 bits each. Nothing is executed and nothing is trusted: what does not add up
is refused before it is used.
"""

import hashlib
import json
import math
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

MAGIC = b"SHOPREC"
FORMAT = 1
MOST_BYTES = 256 * 2**20
"""Unpacked; a model that says it is larger is refused."""
_HEAD = struct.Struct("<7sB32s")
_LENGTH = struct.Struct("<I")


class BrokenModel(Exception):  # noqa: N818 - the name says what it is
    """These bytes are no model that this version can use; the message says why."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """For each row some products, best first, with weights above 0."""

    starts: "array[int]"
    """Where each row begins; one more than there are rows."""
    items: "array[int]"
    weights: "array[float]"

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, number: int) -> "Iterable[tuple[int, float]]":
        """Products and weights."""
        begin, end = self.starts[number], self.starts[number + 1]
        return zip(self.items[begin:end], self.weights[begin:end], strict=True)

    @classmethod
    def of(cls, rows: Iterable[Sequence[tuple[int, float]]]) -> "Ranked":
        """From lists of products and weights; orders each."""
        starts, items, weights = array("I", [0]), array("I"), array("f")
        for row in rows:
            for item, weight in sorted(row, key=lambda pair: (-pair[1], pair[0])):
                items.append(item)
                weights.append(weight)
            starts.append(len(items))
        return cls(starts, items, weights)


_LISTS = ("following", "similar", "together", "popular")


@dataclass(frozen=True)
class ModelContent:
    """What is served: products have numbers from 0, categories too."""

    products: Sequence[UUID]
    category_of: "array[int]"
    """Of each product, as a number of `categories`."""
    categories: Sequence[str]
    parents: Sequence[int]
    """Of each category, -1 for none. Parents come before their children."""
    strengths: Sequence[float]
    """Of each attribute in which people have a taste: how much it takes to know it; see `taste`."""
    traits: "array[int]"
    """Of each product a value for each of those, 0 for none."""
    following: Ranked
    """Of a product: what shoppers turn to after it."""
    similar: Ranked
    """Of a product: what could be taken instead."""
    together: Ranked
    """Of a product: what is bought with it."""
    popular: Ranked
    """Of a category, without those below it."""
    number_of: dict[UUID, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number_of", {id: number for number, id in enumerate(self.products)})


def encode(content: ModelContent) -> bytes:
    """The bytes of a model."""
    ids = b"".join(id.bytes for id in content.products)
    parts: list[bytes] = [ids, _bytes(content.category_of), _bytes(content.traits)]
    header: dict[str, Any] = {
        "products": len(content.products),
        "categories": list(content.categories),
        "parents": list(content.parents),
        "strengths": list(content.strengths),
    }
    for name in _LISTS:
        ranked: Ranked = getattr(content, name)
        header[name] = [len(ranked), len(ranked.items)]
        parts += [_bytes(ranked.starts), _bytes(ranked.items), _bytes(ranked.weights)]
    told = json.dumps(header, separators=(",", ":")).encode()
    packed = zlib.compress(b"".join([_LENGTH.pack(len(told)), told, *parts]), 6)
    return _HEAD.pack(MAGIC, FORMAT, hashlib.sha256(packed).digest()) + packed


def decode(stored: bytes) -> ModelContent:
    """The model that the bytes are. Raises BrokenModel."""
    if len(stored) < _HEAD.size:
        raise BrokenModel(f"expected at least {_HEAD.size} bytes, found {len(stored)}")
    magic, version, digest = _HEAD.unpack_from(stored)
    if magic != MAGIC:
        raise BrokenModel(f"expected a model that begins with {MAGIC!r}, found {magic!r}")
    if version != FORMAT:
        raise BrokenModel(f"expected format {FORMAT}, found {version}: train a model with this version")
    packed = memoryview(stored)[_HEAD.size :]
    if (found := hashlib.sha256(packed).digest()) != digest:
        raise BrokenModel(f"expected the checksum {digest.hex()[:12]}…, found {found.hex()[:12]}…")
    try:
        return _unpacked(packed)
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise BrokenModel(f"its parts do not fit together: {type(error).__name__}: {error}") from error


def _unpacked(packed: memoryview) -> ModelContent:
    unpacking = zlib.decompressobj()
    plain = unpacking.decompress(packed, MOST_BYTES)
    if not unpacking.eof:
        raise ValueError(f"expected at most {MOST_BYTES} bytes unpacked, or they end too early")
    (length,) = _LENGTH.unpack_from(plain)
    header = json.loads(plain[_LENGTH.size : _LENGTH.size + length])
    rest = _Reader(memoryview(plain)[_LENGTH.size + length :])
    count, categories, parents = int(header["products"]), header["categories"], header["parents"]
    ids = bytes(rest.take(16 * count))
    products = tuple(UUID(bytes=ids[start : start + 16]) for start in range(0, len(ids), 16))
    category_of = rest.array("I", count)
    strengths = tuple(map(float, header["strengths"]))
    traits = rest.array("I", count * len(strengths))
    expected = (count, count, count, len(categories))
    lists = [
        rest.ranked(int(header[name][0]), int(header[name][1]), rows, count)
        for name, rows in zip(_LISTS, expected, strict=True)
    ]
    if rest.left:
        raise ValueError(f"{rest.left} bytes too many")
    if len(set(products)) != count or max(category_of, default=0) >= max(len(categories), 1):
        raise ValueError("a product is there twice, or in a category that is not there")
    if len(parents) != len(categories) or any(above >= here for here, above in enumerate(parents)):
        raise ValueError("the categories are no tree with parents first")
    if not all(math.isfinite(each) and each > 0 for each in strengths):
        raise ValueError("expected strengths above 0")
    slugs, above = tuple(map(str, categories)), tuple(map(int, parents))
    return ModelContent(products, category_of, slugs, above, strengths, traits, *lists)


class _Reader:
    """Takes arrays off the front."""

    def __init__(self, content: memoryview) -> None:
        self._content = content

    @property
    def left(self) -> int:
        return len(self._content)

    def take(self, size: int) -> memoryview:
        if not 0 <= size <= self.left:
            raise ValueError(f"expected {size} more bytes, found {self.left}")
        taken, self._content = self._content[:size], self._content[size:]
        return taken

    def array(self, kind: str, count: int) -> "array[Any]":
        read: array[Any] = array(kind)
        read.frombytes(self.take(4 * count))
        if sys.byteorder == "big":
            read.byteswap()
        return read

    def ranked(self, rows: int, entries: int, expected: int, products: int) -> Ranked:
        """Raises ValueError for what would lead out of the arrays, or could not be sorted by."""
        if rows != expected:
            raise ValueError(f"expected {expected} rows, found {rows}")
        starts, items, weights = self.array("I", rows + 1), self.array("I", entries), self.array("f", entries)
        if starts[0] != 0 or starts[-1] != entries or any(map(int.__gt__, starts, starts[1:])):
            raise ValueError("rows do not follow one another")
        if max(items, default=0) >= max(products, 1):
            raise ValueError(f"expected products below {products}, found {max(items)}")
        if not (math.isfinite(sum(weights)) and min(weights, default=1.0) > 0):
            raise ValueError("expected weights above 0")
        return Ranked(starts, items, weights)


def _bytes(values: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()
