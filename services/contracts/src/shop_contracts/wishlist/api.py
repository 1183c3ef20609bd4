"""Bodies of the wishlist's HTTP API; all but shared lists need a user's token with the scope `shop`.

| route | does |
|---|---|
| `GET /wishlists`, `POST /wishlists` | my lists, oldest first; a new one, the first is the default |
| `GET /wishlists/{id}` | one with what is on it, newest first; the id `default` is the default list's |
| `PUT /wishlists/{id}`, `DELETE` | title and whether it is the default; removes it with all that is on it |
| `PUT /wishlists/{id}/items/{product_id}`, `DELETE` | wishes for it, or no longer; makes `default` |
| `POST /wishlists/{id}/items/{product_id}:move-to-cart` | puts it into a cart and takes it off the list |
| `POST /wishlists/{id}:share`, `DELETE` | a link for others; ends all links of the list |
| `GET /shared-wishlists/{token}` | what somebody with a link sees: no token is needed |
| `GET /wishlist-marks?product_id=…` | which of these products are on any list of mine: the hearts |
| `PUT /watches/{product_id}`, `DELETE`, `GET /watches` | tells when the price falls |

Names, prices and stock are as catalog and warehouse told last; nobody else is asked to show a list.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shop_contracts.cart.api import Quantity
from shop_contracts.catalog.api import LINE, Image, Slug
from shop_contracts.money import Money

DEFAULT_LIST = "default"
"""The id that stands for the default list of the user whose token is sent."""

MAX_LISTS = 50
MAX_ITEMS = 500
"""Products on one list."""
MAX_WATCHES = 500
MAX_MARKS = 100
"""Products that one question about marks may have."""
MAX_LINKS = 20
"""Links of one list; the oldest ends when there is another."""

ListTitle = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, pattern=LINE, strip_whitespace=True),
    Field(examples=["Birthday"]),
]
Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$", examples=["In blue, please"])]
ShareToken = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{32}$")]
"""A secret: whoever has it sees the list. It is kept as a digest alone, so it is shown once."""


def _above_zero(price: Money) -> Money:
    if price.amount <= 0:
        raise ValueError("expected an amount above 0")
    return price


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class WishedProduct(_Model):
    """A product as catalog and warehouse told last."""

    product_id: UUID
    slug: Slug
    title: str
    image: Image | None = None
    price: Money
    sold: bool
    """False: catalog does not sell it any more."""
    available: int | None = Field(default=None, ge=0)
    """Pieces that can be bought, as warehouse told last; None: not known."""


class WishlistItem(_Model):
    """A product on a list."""

    product: WishedProduct
    note: Note = ""
    quantity: Quantity
    price_when_added: Money
    added_at: AwareDatetime


class WishlistContent(_Model):
    """A list as its owner gives it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"title": "Birthday", "default": False}}
    )

    title: ListTitle
    default: bool = False
    """True: it is the default instead of another list. False changes nothing about that."""


class Wishlist(_Model):
    """A list without what is on it."""

    id: UUID
    title: str
    default: bool
    shared: bool
    """Whether there is a link to it."""
    item_count: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    version: int = Field(ge=1)
    """Grows with every change of it or what is on it; its quoted form is the ETag."""


class WishlistPage(_Model):
    """A part of somebody's lists, oldest first."""

    items: list[Wishlist]
    next: str | None = None


class WishlistWithItems(Wishlist):
    """A list and a part of what is on it, newest first."""

    items: list[WishlistItem]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


class Wish(_Model):
    """How a product is wished for; the same again changes nothing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"note": "In blue, please", "quantity": 1}}
    )

    note: Note = ""
    quantity: Quantity = 1


class ShareLink(_Model):
    """A link for others."""

    token: ShareToken


class SharedItem(_Model):
    """A product on a list that is shared; notes are the owner's."""

    product: WishedProduct
    quantity: Quantity


class SharedWishlist(_Model):
    """What somebody with a link sees: nothing says whose list it is, unless its title does."""

    title: str
    items: list[SharedItem]
    next: str | None = None


class MoveToCart(_Model):
    """Which cart the product goes into."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"example": {"cart_id": "me"}})

    cart_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] = "me"
    """`me` is the user's own."""


class MovedToCart(_Model):
    """It is in the cart, and on the list no longer."""

    cart_id: str
    product_id: UUID
    quantity: Quantity


class Marks(_Model):
    """Those products of the question that are on a list."""

    product_ids: list[UUID]


class WatchTerms(_Model):
    """When to be told. Without a limit at any fall below the present price; with both, either is enough."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"below": {"amount": 3900, "currency": "EUR"}, "percent": None}},
    )

    below: Annotated[Money, AfterValidator(_above_zero)] | None = None
    """At this price or below it."""
    percent: int | None = Field(default=None, ge=1, le=99)
    """So much less than the price at the time of watching, or even less."""


class Watch(WatchTerms):
    """A price that is watched. Told is each price that keeps the terms and is lower than any told before."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=None)

    product: WishedProduct
    reference: Money
    """The price at the time of watching."""
    limit: Money
    """At this price or below it the watcher is told."""
    told: Money | None = None
    """The lowest price that the watcher was told; None: nothing yet."""
    since: AwareDatetime


class WatchPage(_Model):
    """A part of what somebody watches, newest first."""

    items: list[Watch]
    next: str | None = None
