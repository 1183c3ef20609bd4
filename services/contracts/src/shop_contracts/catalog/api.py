"""Catalog's HTTP API."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.money import Money

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120, examples=["oak-desk-lamp"])]
"""A name for addresses of pages."""
Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]*$", max_length=40, examples=["LGT-0042"])]
"""Stock keeping unit: the name that warehouses use."""
LINE = r"^[^\x00-\x1f\x7f]*$"
"""Text of one line; databases take no zero bytes."""
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE, examples=["Oak desk lamp"])]
Description = Annotated[str, Field(max_length=5000, pattern=r"^[^\x00]*$")]
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


Options = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(min_length=1, max_length=80)]
    ],
    Field(max_length=5, examples=[{"size": "M", "colour": "navy"}]),
]
"""What tells the variants of a family apart, a value for each of its options."""
Weight = Annotated[int, Field(ge=0, le=1_000_000, examples=[1200])]
"""Grams, packed."""


MediaUrl = Annotated[
    str, Field(pattern=r"^(https?://|/)[!-~]+$", max_length=500, examples=["/media/5f2c9e1b.webp"])
]
"""Absolute, or a path at catalog: `POST /admin/media` gives one."""


class ImageSize(BaseModel):
    """A picture in one of its sizes."""

    model_config = ConfigDict(frozen=True)

    width: int = Field(ge=16, le=8192, examples=[480])
    """Pixels."""
    url: MediaUrl


class Image(BaseModel):
    """A picture of a product."""

    model_config = ConfigDict(frozen=True)

    url: MediaUrl
    """For whoever takes one size."""
    alt: str = Field(default="", max_length=300, examples=["The lamp on a desk"])
    """What it shows, in words."""
    sizes: tuple[ImageSize, ...] = Field(default=(), max_length=10)
    """The same picture in several sizes, narrowest first, `url` among them; none: there is one size only."""


Images = Annotated[list[Image], Field(max_length=20)]
"""In the order in which they are shown, the first one in lists too."""


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
    weight_grams: Weight = 500
    family: Slug | None = None
    """The family that it is a variant of; `GET /families/{slug}` has the others."""
    options: Options = {}
    images: Images = []
    available: int | None = Field(default=None, ge=0)
    """Pieces that can be bought, as warehouse told last; None: not known. Events do not carry it."""
    version: int = Field(ge=1)
    """Grows with every change of an administrator's."""
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
    position: int = Field(default=0, ge=-(2**31), lt=2**31)
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
    weight_grams: Weight = 500
    family: Slug | None = None
    options: Options = {}
    """With a family: exactly its options."""
    images: Images = []


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
    weight_grams: Weight | None = None
    family: Slug | None = None
    options: Options | None = None
    images: Images | None = None


class Media(_Model):
    """A picture that was uploaded, for an `Image`; the same file always has the same."""

    url: MediaUrl
    """The widest."""
    sizes: tuple[ImageSize, ...] = ()
    """Narrowest first."""


class FamilyContent(_Model):
    """A product in several variants, as an administrator gives it; each variant is a product of its own."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {"title": "Merino shirt", "description": "", "options": ["size", "colour"]}
        },
    )

    title: Title
    description: Description = ""
    options: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(min_length=1, max_length=5)
    """Their names, in the order in which shoppers choose. They stay as they are once there are variants."""


class Family(FamilyContent):
    """A family without its variants."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=None)

    slug: Slug
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class FamilyWithVariants(Family):
    """A family and what of it is sold."""

    variants: list[Product]


class FamilyPage(_Model):
    """A part of the families, by slug."""

    items: list[Family]
    next: str | None = None


RelationKind = Literal["accessory", "similar", "replacement"]


class Relation(_Model):
    """From one product to another; it says nothing about the way back."""

    kind: RelationKind
    product_id: UUID


class Relations(_Model):
    """All relations of a product, in the order in which they are shown."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "relations": [{"kind": "accessory", "product_id": "019b77e0-0000-7000-8000-000000000001"}]
            }
        },
    )

    relations: list[Relation] = Field(max_length=50)


class RelatedProduct(_Model):
    """A product that is sold, and why it is named here."""

    kind: RelationKind
    product: Product


class RelatedProducts(_Model):
    """In the order that the administrator gave."""

    items: list[RelatedProduct]


class PricePlan(_Model):
    """A price from a time on."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "price": {"amount": 3900, "currency": "EUR"},
                "valid_from": "2027-01-01T00:00:00Z",
            }
        },
    )

    price: Price
    valid_from: AwareDatetime


class PlannedPrice(PricePlan):
    """A price that a product will have; it becomes the present one within seconds of its time."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=None)

    id: UUID


class PlannedPrices(_Model):
    """Those that are still to come, earliest first."""

    items: list[PlannedPrice]


IMPORT_MAX = 500
"""Products that one import may have."""


class ImportProblem(_Model):
    """A line of an import that was left out."""

    line: int = Field(examples=[17])
    """From 1; in a CSV the line with the names is 1."""
    problem: str = Field(examples=["price.amount: Input should be a valid integer"])


class ImportReport(_Model):
    """What became of an import; the lines in `problems` changed nothing, all others did what they say."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[ImportProblem] = []
