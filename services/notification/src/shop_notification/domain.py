"""What is worth telling somebody, as pure functions."""

from dataclasses import dataclass
from uuid import UUID

from shop_contracts.catalog.events import PriceChanged

PRICE_DROP = "price_drop"


@dataclass(frozen=True)
class PriceDrop:
    """A product costs less than before; amounts in the currency's minor unit."""

    product_id: UUID
    old: int
    new: int
    currency: str


def price_drop(change: PriceChanged) -> PriceDrop | None:
    """The drop that a price change is; None for a rise, and between two currencies."""
    old, new = change.old, change.new
    if old.currency != new.currency or new.amount >= old.amount:
        return None
    return PriceDrop(change.product_id, old.amount, new.amount, new.currency)
