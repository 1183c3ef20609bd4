"""What the index holds of a product."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from shop_contracts.catalog.api import Product
from tantivy import Document, Schema, SchemaBuilder

from shop_search.text import ENGLISH, GERMAN, PLAIN, normal, plain_words

FORMAT = 1
"""Of the index; raise it with every change below. An index lives no longer than its process, so a new version
of the service has a new one from its start, built before it is Ready, while the old pods still answer."""

TITLE, NAMES, BODY = "title", "names", "body"
"""Title; brand and sku; description and attributes. In plain words."""
STEMS: Mapping[str, str] = {ENGLISH: "_english", GERMAN: "_german"}
"""Suffixes of the fields with stems; `names` has none."""
SEPARATOR = "\x1f"
"""Between the parts of a value; comes before all that words have."""
LENGTH_MOST = 20
"""Words of a title that are counted."""

TIES = 1024
_STEP = 2.0**-22
"""Of a number a little above 2 in 32 bits."""
_PRICE_MOST = 2**44 - 1


class Sorting(NamedTuple):
    """A column that sorts; what is equal in it is few products, told apart by id."""

    field: str
    descending: bool


SORTINGS: Mapping[str, Sorting] = {
    "price": Sorting("by_price", False),
    "-price": Sorting("by_price", True),
    "newest": Sorting("by_id", True),
    "title": Sorting("by_title", False),
}


def schema() -> Schema:
    """The fields. `tie` is explained at `tie_of`."""
    build = SchemaBuilder()
    for name in ("id", "category", "attributes"):
        build.add_text_field(name, fast=name != "id", tokenizer_name="raw", index_option="basic")
    build.add_text_field(TITLE, tokenizer_name=PLAIN, index_option="position")
    build.add_text_field(NAMES, tokenizer_name=PLAIN, index_option="basic")
    build.add_text_field(BODY, tokenizer_name=PLAIN, index_option="basic")
    for language, suffix in STEMS.items():
        for name in (TITLE, BODY):
            build.add_text_field(name + suffix, tokenizer_name=language, index_option="basic")
    build.add_unsigned_field("length", indexed=True)
    for name in ("price", "in_stock"):
        build.add_unsigned_field(name, indexed=True, fast=True)
    for name in ("by_price", "by_id"):
        build.add_unsigned_field(name, fast=True)
    build.add_text_field("by_title", fast=True, tokenizer_name="raw", index_option="basic")
    build.add_float_field("tie", fast=True)
    build.add_bytes_field("product", stored=True)
    return build.build()


def document(product: Product, available: int | None, into: Schema) -> Document:
    """A product as the index takes it. What is available is not in it, but whether anything is."""
    title, key = normal(product.title), str(product.id)
    words = plain_words(title)
    folded = " ".join(words)
    details = [*product.attributes.values(), *product.options.values(), product.description]
    body = normal("\n".join(details))
    values: dict[str, Any] = {
        "id": key,
        "category": product.category,
        "attributes": sorted({f"{name}{SEPARATOR}{value}" for name, value in attributes_of(product).items()}),
        TITLE: title,
        NAMES: f"{normal(product.attributes.get('brand', ''))} {product.sku}",
        BODY: body,
        "length": min(len(words), LENGTH_MOST),
        "price": max(0, product.price.amount),
        "in_stock": int(available != 0),
        "by_price": (min(max(0, product.price.amount), _PRICE_MOST) << 20) | digest(key) >> 44,
        "by_id": product.id.int >> 64,
        "by_title": f"{folded[:60]}{SEPARATOR}{digest(key):016x}",
        "tie": tie_of(key),
        "product": product.model_dump_json(exclude={"available"}).encode(),
    }
    for suffix in STEMS.values():
        values |= {TITLE + suffix: title, BODY + suffix: body}
    return Document.from_dict(values, into)


def attributes_of(product: Product) -> dict[str, str]:
    """What results can be narrowed by: attributes, and what tells variants apart."""
    return {**product.attributes, **product.options}


def digest(id: str) -> int:
    """64 bits that tell ids apart, the same in every replica."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest())


def tie_of(id: str) -> float:
    """Sets the order of products with the same score: one of `TIES` values, by a digest of the id.

    The engine multiplies a score with log2(2 + tie), here between 1 and 1 + 2^-12.4: a whole number below
    4096 keeps its place among whole numbers, and equal ones fall apart into groups small enough to be
    sorted by id afterwards. All of it is exact or the same in every replica, in 32 bits.
    """
    return (digest(id) % TIES) * _STEP
