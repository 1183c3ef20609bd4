"""Money and dates as people of a language and country write them (Unicode CLDR, by Babel)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from textwrap import fill
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_percent, get_currency_precision
from shop_contracts.notification.api import Language

WIDTH = 72
"""Of plain text."""
AMOUNT_WIDTH = 14
SHORT = 160


@dataclass(frozen=True)
class Formats:
    """Filters and functions of the templates, for one reader."""

    locale: Locale
    zone: ZoneInfo

    @classmethod
    def of(cls, locale: str, language: Language, zone: str) -> "Formats":
        """Those of the locale if it is of that language, else the language's own."""
        try:
            wanted = Locale.parse(locale, sep="-")
        except (UnknownLocaleError, ValueError):
            wanted = Locale(language)
        return cls(wanted if wanted.language == language else Locale(language), ZoneInfo(zone))

    def money(self, amount: Mapping[str, Any]) -> str:
        """`{amount, currency}` in minor units: 8,990 EUR is €89.90."""
        currency = str(amount["currency"])
        value = Decimal(int(amount["amount"])).scaleb(-get_currency_precision(currency))
        return format_currency(value, currency, locale=self.locale)

    def less(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
        """By how much one is below the other, in per cent, never said better than it is."""
        parts = (int(old["amount"]) - int(new["amount"])) * 100 // max(int(old["amount"]), 1)
        return "−" + format_percent(Decimal(parts) / 100, locale=self.locale)

    def day(self, when: str) -> str:
        """A date of ISO 8601."""
        return format_date(date.fromisoformat(when[:10]), "long", locale=self.locale)

    def moment(self, when: str) -> str:
        """A moment of ISO 8601, on the reader's clock."""
        local = datetime.fromisoformat(when).astimezone(self.zone)
        time = format_time(local, "short", locale=self.locale)
        shown = f"{format_date(local, 'long', locale=self.locale)}, {time} {local.tzname()}"
        return shown.replace("\u202f", " ")  # before PM; some programs show a box


def paragraphs(text: str) -> list[str]:
    """What empty lines divide, each in one line."""
    return [" ".join(each.split()) for each in text.split("\n\n") if each.strip()]


def wrap(text: str) -> str:
    """In lines; words, links among them, stay whole."""
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def columns(what: str, amount: str) -> str:
    """Words, and an amount at the right of their last line."""
    lines = wrap_to(what, WIDTH - AMOUNT_WIDTH)
    return "\n".join([*lines[:-1], f"{lines[-1]:<{WIDTH - AMOUNT_WIDTH}}{amount:>{AMOUNT_WIDTH}}"])


def wrap_to(text: str, width: int) -> list[str]:
    """Lines of at most that many characters; a word may be cut."""
    return fill(text, width - 2).split("\n") or [""]


def first_sentence(text: str) -> str:
    """The first paragraph, for where there is room for a line."""
    first = (paragraphs(text) or [""])[0]
    return first if len(first) <= SHORT else first[: SHORT - 1].rstrip() + "…"
