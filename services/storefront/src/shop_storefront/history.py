"""What a product cost: a line in a drawing, and the lowest of thirty days (Directive 98/6/EC, article 6a)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shop_contracts.catalog.api import PriceChange
from shop_contracts.money import Money

WIDTH, HEIGHT = 320, 80
_EDGE = 6


@dataclass(frozen=True)
class History:
    """Prices as the page shows them."""

    changes: Sequence[PriceChange]
    """Newest first."""
    path: str
    """Of an SVG line in a field of WIDTH by HEIGHT; empty while the price has never changed."""
    lowest: Money
    """Within the thirty days before now."""
    highest: Money
    """Of all that are shown."""


def history_of(changes: Sequence[PriceChange], now: datetime) -> History | None:
    """`changes` newest first; None without any. Prices of another currency than the present are left out."""
    if not changes:
        return None
    changes = [each for each in changes if each.price.currency == changes[0].price.currency]
    since = now - timedelta(days=30)
    # Besides those that began within the time, the one that held when it began.
    held = [each for each in changes if each.since >= since]
    held += changes[len(held) : len(held) + 1]
    return History(
        changes,
        _path(changes, now),
        min((each.price for each in held), key=lambda price: price.amount),
        max((each.price for each in changes), key=lambda price: price.amount),
    )


def _path(changes: Sequence[PriceChange], now: datetime) -> str:
    """Steps: a price holds until the next."""
    if len(changes) < 2:
        return ""
    first, amounts = changes[-1].since, [each.price.amount for each in changes]
    span, low, high = (now - first).total_seconds() or 1.0, min(amounts), max(amounts)

    def x(at: datetime) -> float:
        return round(WIDTH * (at - first).total_seconds() / span, 1)

    def y(amount: int) -> float:
        return round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * (amount - low) / ((high - low) or 1), 1)

    oldest_first = list(reversed(changes))
    steps = "".join(f"H{x(each.since)}V{y(each.price.amount)}" for each in oldest_first[1:])
    return f"M0 {y(oldest_first[0].price.amount)}{steps}H{WIDTH}"
