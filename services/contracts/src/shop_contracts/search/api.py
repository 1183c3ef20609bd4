"""Bodies of search's HTTP API.

| route | does |
|---|---|
| `GET /search` | products that fit, best first, with facets |
| `GET /suggest` | what somebody may be about to type |
| `GET /admin/index` | the index of the replica that answers |
| `POST /admin/rebuild` | every replica builds its index anew, and answers from the old one until then |

Prices of filters are minor units, as in `Money`.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shop_contracts.catalog.api import Image
from shop_contracts.money import Money

QUERY_MAX = 200
"""Characters of a query."""
Sort = Literal["relevance", "price", "-price", "newest", "title"]
"""`-` is descending. Without a query `relevance` is `newest`."""
AttributeFilter = Annotated[
    str, Field(pattern=r"^[^:\x00-\x1f]{1,40}:[^\x00-\x1f]{1,200}$", examples=["colour:navy"])
]
"""Name and value of an attribute. Several values of one name: any of them."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Part(_Model):
    """A piece of a text; all pieces together are the text."""

    text: str
    match: bool = False
    """Whether the query asked for it, also by another form, a synonym or in spite of a typo."""


class Highlights(_Model):
    """Where a hit has what was asked for."""

    title: list[Part]
    description: list[Part] = []
    """The part of it with the first match; empty when there is none."""


class Hit(_Model):
    """A product that was found, as lists show it."""

    product_id: UUID
    sku: str
    slug: str
    title: str
    category: str
    """Its slug."""
    price: Money
    image: Image | None = None
    available: int | None = None
    """Pieces that can be bought, as warehouse told last; None: not known, and counted as in stock."""
    family: str | None = None
    highlights: Highlights | None = None
    """None without a query."""


class FacetValue(_Model):
    """A value that results can be narrowed to."""

    value: str = Field(examples=["navy"])
    """As the filter takes it; of `price` it is `from-to` in minor units, either may be missing."""
    title: str
    count: int
    """Results with it under all filters but those of its own facet."""


class Facet(_Model):
    """Something that results differ in: `category`, `price`, `in_stock`, `brand` or another attribute."""

    name: str = Field(examples=["colour"])
    title: str
    values: list[FacetValue]
    """Attributes by count; categories in the order of the tree; prices ascending."""


class SearchPage(_Model):
    """A part of the results."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "product_id": "019b77e0-0000-7000-8000-000000000001",
                        "sku": "LGT-0042",
                        "slug": "oak-desk-lamp",
                        "title": "Oak desk lamp",
                        "category": "lighting",
                        "price": {"amount": 4900, "currency": "EUR"},
                        "available": 12,
                        "highlights": {
                            "title": [{"text": "Oak desk "}, {"text": "lamp", "match": True}],
                        },
                    }
                ],
                "total": 1,
                "facets": [
                    {
                        "name": "colour",
                        "title": "Colour",
                        "values": [{"value": "natural", "title": "natural", "count": 1}],
                    }
                ],
                "corrected": "lamp",
            }
        },
    )

    items: list[Hit]
    total: int
    facets: list[Facet] = []
    """Only on the first page."""
    corrected: str | None = None
    """What was searched for instead, because a word of the query is in no product."""
    next: str | None = None
    """Pass it as `after`, with the same query and filters, for the next page; None on the last."""


class Suggestion(_Model):
    """A way to go on."""

    text: str = Field(examples=["Oak desk lamp"])
    kind: Literal["product", "category", "phrase"]
    """A phrase is a query."""
    slug: str | None = None
    """Of the product or category."""
    product_id: UUID | None = None


class Suggestions(_Model):
    """The likeliest first."""

    items: list[Suggestion]


class StreamState(_Model):
    """How far the index has followed a stream."""

    stream: str
    position: int
    """Number of the last message that is in the index."""
    lag: int = Field(ge=0)
    """Messages that are not in it yet."""


class IndexState(_Model):
    """The index of one replica; each has its own."""

    replica: str
    format: int
    """Of the index; a new version of the service may have another and then builds its own at its start."""
    documents: int
    streams: list[StreamState]
    built_at: datetime | None
    """When the snapshot that it began with had been read; None before the first one."""
    building: bool
    """Another one is being built beside it."""
