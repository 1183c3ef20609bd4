"""The wishlist's events, stream `wishlist`; the aggregate and subject is the id of the list or watch."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shop_contracts.catalog.api import Image
from shop_contracts.money import Money

STREAM = "wishlist"
PRICE_DROPPED: Literal["price.dropped"] = "price.dropped"
WISHLIST_CHANGED: Literal["wishlist.changed"] = "wishlist.changed"


class PriceDropped(BaseModel):
    """Somebody is to be told that a price has fallen: once per watcher and drop."""

    model_config = ConfigDict(frozen=True)

    notice_id: UUID
    """Of this drop for this watcher: made of both, so the same drop never has another."""
    subject: str
    """The watcher: `sub` of the tokens."""
    product_id: UUID
    slug: str
    title: str
    image: Image | None = None
    old: Money
    """The price right before."""
    new: Money
    reference: Money
    """The price at the time of watching."""
    list_id: UUID | None = None
    """A list of the watcher's that the product is on."""


class WishlistChanged(BaseModel):
    """A list was made, changed or removed, or what is on it was."""

    model_config = ConfigDict(frozen=True)

    list_id: UUID
    subject: str
    """Its owner: `sub` of the tokens."""
