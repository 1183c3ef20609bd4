"""Ways to pay, as forms offer them: tokens of a gateway, never cards."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from shop_contracts.user.api import NewPaymentMethod, PaymentMethod


@dataclass(frozen=True)
class Method:
    """Something that can be chosen."""

    token: str
    title: str
    hint: str = ""


_TEST_CARDS = (
    NewPaymentMethod(gateway="test", token="tok_visa", brand="visa", last4="4242", expires="2035-12"),
    NewPaymentMethod(
        gateway="test", token="tok_mastercard", brand="mastercard", last4="4444", expires="2035-12"
    ),
    NewPaymentMethod(gateway="test", token="tok_3ds", brand="visa", last4="3155", expires="2035-12"),
    NewPaymentMethod(gateway="test", token="tok_declined", brand="visa", last4="0002", expires="2035-12"),
    NewPaymentMethod(gateway="test", token="tok_insufficient", brand="visa", last4="9995", expires="2035-12"),
    NewPaymentMethod(gateway="test", token="tok_expired", brand="visa", last4="0069", expires="2020-01"),
)
"""What testgateway knows from the start."""


def test_cards(*, offered: bool) -> Sequence[NewPaymentMethod]:
    """Those of the test gateway, where the shop has it."""
    return _TEST_CARDS if offered else ()


def title(method: NewPaymentMethod | PaymentMethod) -> str:
    """As it is written on the card: Visa ···· 4242."""
    return f"{method.brand.title()} ···· {method.last4}"


def choices(
    kept: Iterable[PaymentMethod], cards: Iterable[NewPaymentMethod], say: Callable[[str], str]
) -> list[Method]:
    """What a shopper can pay with: what they keep here first, each token once."""
    hints = {
        "tok_visa": say("Test card: is accepted"),
        "tok_mastercard": say("Test card: is accepted"),
        "tok_3ds": say("Test card: the bank asks you to confirm"),
        "tok_declined": say("Test card: is declined"),
        "tok_insufficient": say("Test card: there is not enough money"),
        "tok_expired": say("Test card: has expired"),
    }
    found = {
        each.token: Method(each.token, title(each), say("Until %(month)s") % {"month": each.expires})
        for each in kept
    }
    for card in cards:
        found.setdefault(card.token, Method(card.token, title(card), hints.get(card.token, "")))
    return list(found.values())


def page_of_bank(action_url: str | None) -> str | None:
    """Where a payment is confirmed; None for whatever is no web address (`javascript:` say)."""
    if action_url is None:
        return None
    try:
        parts = urlsplit(action_url)
    except ValueError:
        return None
    return action_url if parts.scheme in ("http", "https") and parts.netloc else None
