"""What is told to whom, where and when: pure functions, without a clock, a database or a network."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shop_contracts.notification.api import Channel, Kind, Preferences

from shop_notification.quiet import next_digest, quiet_until
from shop_notification.wishes import wants

MARKETING: frozenset[Kind] = frozenset({"price_drop", "promotion"})
"""What nobody waits for: it may come in the morning, in a digest, and not too often."""
ACCOUNT_CHANNELS: tuple[Channel, ...] = ("email",)
CHANNELS: tuple[Channel, ...] = ("inbox", "email", "sms", "push")


@dataclass(frozen=True)
class Occasion:
    """Something that somebody may want to hear of."""

    key: str
    """Names it for good: what is heard of twice under one key is told once."""
    kind: Kind
    template: str
    subject: str | None
    """Whom it concerns, as `sub` of the tokens; None where only an address is known."""
    data: Mapping[str, Any]
    """What the template needs, as JSON."""
    email: str | None = None
    """Where the event says to send it; None: to the address of the account."""
    locale: str | None = None
    """As the event says; None: the person's."""
    about: str = ""
    """The order or product."""
    version: int = 0
    """Of two about the same order the higher is news."""
    urgent: bool = False
    """Somebody has to do something soon."""
    overtakes: frozenset[str] = field(default=frozenset())
    """Templates about the same that need not be sent any more."""


@dataclass(frozen=True)
class Planned:
    """One way that a message takes."""

    channel: Channel
    send_at: datetime
    digest: bool = False
    """Not by itself: in the digest of that moment."""


def decide(
    occasion: Occasion,
    preferences: Preferences,
    now: datetime,
    *,
    reach: Collection[Channel],
    mailed: int = 0,
    most_mails: int = 6,
    zone: str = "Europe/Berlin",
) -> list[Planned]:
    """The ways that it takes; none for somebody who wants none.

    `reach`: channels on which the person can be reached. `mailed`: how many mails of the kinds MARKETING they
    were sent or promised within a day; those above `most_mails` wait for a daily digest. `zone`: of who names
    none.
    """
    channels = ACCOUNT_CHANNELS if occasion.kind == "account" else CHANNELS
    return [
        _way(occasion, preferences, channel, now, full=mailed >= most_mails, zone=zone)
        for channel in channels
        if channel in reach and wants(preferences, channel, occasion.kind)
    ]


def _way(
    occasion: Occasion, preferences: Preferences, channel: Channel, now: datetime, *, full: bool, zone: str
) -> Planned:
    marketing, quiet = occasion.kind in MARKETING, preferences.quiet_hours
    zone = quiet.timezone if quiet else zone
    if channel == "email" and marketing and (full or preferences.digest != "off"):
        every = "daily" if preferences.digest == "off" else preferences.digest
        return Planned(channel, quiet_until(quiet, next_digest(every, zone, now)), digest=True)
    disturbs = channel in ("sms", "push") or (channel == "email" and marketing)
    if disturbs and not occasion.urgent and occasion.kind != "account":
        return Planned(channel, quiet_until(quiet, now))
    return Planned(channel, now)


def newest_of_each(occasions: Collection[Occasion]) -> list[Occasion]:
    """For a digest, oldest first: of several about one thing the newest is what is still true."""
    newest: dict[str, Occasion] = {}
    for each in occasions:
        what = each.about or each.key
        known = newest.get(what)
        if known is None or each.version >= known.version:
            newest.pop(what, None)
            newest[what] = each
    return list(newest.values())
