"""Whom a campaign is for: pure functions over what is known of somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shop_contracts.notification.api import Preferences, Segment

from shop_notification.wishes import agreed, language


@dataclass(frozen=True)
class Customer:
    """What events have told of somebody."""

    orders: int = 0
    """Confirmed ones."""
    last_order_at: datetime | None = None


def fits(segment: Segment, customer: Customer, now: datetime) -> bool:
    """Whether what somebody did is what the segment asks for; their wishes are another matter."""
    if segment.orders_at_least is not None and customer.orders < segment.orders_at_least:
        return False
    last = customer.last_order_at
    within, without = segment.ordered_within_days, segment.not_ordered_for_days
    if within is not None and (last is None or now - last > timedelta(days=within)):
        return False
    return without is None or last is None or now - last > timedelta(days=without)


def agrees(segment: Segment, preferences: Preferences) -> bool:
    """Whether somebody wants promotions, and reads one of the segment's languages."""
    return agreed(preferences) and (
        segment.languages is None or language(preferences.locale) in segment.languages
    )
