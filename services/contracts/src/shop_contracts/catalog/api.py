"""Catalog's HTTP API."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shop_contracts.money import Money

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120, examples=["oak-desk-lamp"])]
"""A name for addresses of pages."""
Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]*$", max_length=40, examples=["LGT-0042"])]
"""Stock keeping unit: the name that warehouses use."""
Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Oak desk lamp"])]
Description = Annotated[str, Field(max_length=5000)]
Attributes = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(max_length=200)]],
    Field(max_length=30, examples=[{"material": "oak", "colour": "natural"}]),
]
"""What distinguishes products of a category: colour, size, material."""


def _not_negative(price: Money) -> Money:
    if price.amount < 0:
        raise ValueError("a price is not below 0")
    return price


Price = Annotated[Money, AfterValidator(_not_negative)]


BATCH_MAX = 100
"""Products that one batch request may ask for."""

Sort = Literal["newest", "price", "-price", "title"]
"""`-` is descending."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Product(_Model):
    """What shoppers see of a product; stock is warehouse's."""

    id: UUID
    sku: Sku
    slug: Slug
    title: Title
    description: Description = ""
    category: Slug
    """The slug of a category; `GET /categories` has the tree."""
    attributes: Attributes = {}
    price: Money
    active: bool = True
    """False: no longer sold. It is in no list, but orders and carts can still ask for it by id."""
    version: int = Field(ge=1)
    """Grows with every change; its quoted form is the ETag."""
    updated_at: datetime


class ProductPage(_Model):
    """A part of a list."""

    items: list[Product]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


class ProductBatch(_Model):
    """Answer to several ids at once."""

    items: list[Product]
    """In the order asked for, inactive ones included."""
    missing: list[UUID] = []
    """Ids that catalog does not know."""


class ProductBatchRequest(_Model):
    """Which products to look up."""

    ids: list[UUID] = Field(min_length=1, max_length=BATCH_MAX)


class Category(_Model):
    """A node of the tree of categories."""

    slug: Slug
    title: Title
    parent: Slug | None = None
    position: int = 0
    """Among its siblings."""


class CategoryList(_Model):
    """All categories; parents come before their children."""

    items: list[Category]


class PriceChange(_Model):
    """A price and since when it held."""

    price: Money
    since: datetime


class PriceHistory(_Model):
    """Newest first."""

    items: list[PriceChange]
    next: str | None = None


class NewProduct(_Model):
    """What an administrator gives to create a product."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "sku": "LGT-0042",
                "slug": "oak-desk-lamp",
                "title": "Oak desk lamp",
                "description": "Dimmable, with a linen shade.",
                "category": "lighting",
                "attributes": {"material": "oak"},
                "price": {"amount": 4900, "currency": "EUR"},
            }
        },
    )

    id: UUID | None = None
    """Of the caller's choice, so that a repeated request makes no second product; None: catalog makes one."""
    sku: Sku
    slug: Slug
    title: Title
    description: Description = ""
    category: Slug
    attributes: Attributes = {}
    price: Price
    active: bool = True


class ProductChanges(_Model):
    """What an administrator changes; what is left out stays. The price has a route of its own."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"title": "Oak desk lamp, large"}}
    )

    slug: Slug | None = None
    title: Title | None = None
    description: Description | None = None
    category: Slug | None = None
    attributes: Attributes | None = None
    active: bool | None = None
