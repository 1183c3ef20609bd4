"""What somebody wants to hear of: their own preferences here, or what follows from those at user."""

from shop_contracts.notification.api import Channel, Channels, Kind, Kinds, Language, Preferences
from shop_contracts.user import api as user

GUEST = Preferences(channels=Channels(email=Kinds(order=True), inbox=Kinds(order=True)))
"""Of somebody without an account: about orders alone."""


def following(chosen: user.Preferences) -> Preferences:
    """The preferences of somebody who has set none here."""
    return Preferences(
        channels=Channels(
            **{channel: _kinds(chosen, channel in chosen.channels) for channel in Channels.model_fields}
        ),
        digest="off" if chosen.digest == "immediate" else chosen.digest,
        locale=chosen.locale,
    )


def wants(preferences: Preferences, channel: Channel, kind: Kind) -> bool:
    """Whether to tell of that kind on that channel; mails of the account itself are no matter of wishes."""
    if kind == "account":
        return channel == "email"
    kinds: Kinds = getattr(preferences.channels, channel)
    return bool(getattr(kinds, kind))


def without(preferences: Preferences, channel: Channel, kind: Kind) -> Preferences:
    """The same, less that kind on that channel."""
    kinds: Kinds = getattr(preferences.channels, channel)
    channels = preferences.channels.model_copy(update={channel: kinds.model_copy(update={kind: False})})
    return preferences.model_copy(update={"channels": channels})


def agreed(preferences: Preferences) -> bool:
    """Whether somebody wants promotions at all, wherever."""
    return any(wants(preferences, channel, "promotion") for channel in ("email", "sms", "push", "inbox"))


def language(locale: str) -> Language:
    """The one of ours that comes nearest."""
    return "de" if locale.partition("-")[0] == "de" else "en"


def _kinds(chosen: user.Preferences, on: bool) -> Kinds:
    return Kinds(order=on, price_drop=on and chosen.price_alerts, promotion=on and chosen.promotions)
