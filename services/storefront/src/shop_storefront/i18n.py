"""Languages, money and dates, by locale (CLDR's forms, through Babel)."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_interval, format_skeleton, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_precision, parse_decimal
from shop_contracts.money import Money

SOURCE = "en"
"""Of the texts in code and templates."""
_CATALOGUES = files("shop_storefront") / "locale"
_AMOUNT = re.compile(r"[0-9][0-9.,'’ \u00a0\u202f]{0,23}")
"""What an amount may be written with; nothing that a parser of numbers takes besides (`1e9`, `NaN`)."""


@cache
def languages() -> tuple[str, ...]:
    """Those that there are texts in: the source, and one for each catalogue `locale/<language>.po`."""
    there = [entry.name for entry in _CATALOGUES.iterdir()] if _CATALOGUES.is_dir() else []
    found = [name.removesuffix(".po") for name in there if name.endswith(".po")]
    return (SOURCE, *sorted(found))


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; the source's own where it has none."""
    path = _CATALOGUES / f"{language}.po"
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache(maxsize=512)
def locale_of(wanted: str) -> Locale | None:
    """The locale of a BCP 47 tag, if there are texts in its language."""
    try:
        locale = Locale.parse(wanted.strip(), sep="-")
    except (ValueError, UnknownLocaleError):
        return None
    return locale if locale.language in languages() else None


def negotiate(preferred: str | None, accept_language: str, default: str) -> Locale:
    """What somebody chose, else the first that the browser takes and there are texts in, else the default."""
    for wanted in (preferred or "", *_accepted(accept_language[:200])):
        if locale := locale_of(wanted):
            return locale
    return locale_of(default) or Locale(SOURCE)


def territories(accept_language: str) -> list[str]:
    """Of the tags of Accept-Language that have one, the best first."""
    found = (tag.rpartition("-")[2] for tag in _accepted(accept_language[:200]) if "-" in tag)
    return [each.upper() for each in found if len(each) == 2]


@lru_cache(maxsize=512)
def _accepted(header: str) -> tuple[str, ...]:
    """Tags of Accept-Language, the best first (RFC 9110, section 12.5.4)."""
    weighted = []
    for position, part in enumerate(header.split(",")):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if quality > 0 and tag.strip() not in ("", "*"):
            weighted.append((-quality, position, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighted))


@lru_cache(maxsize=4096)
def money(amount: Money, locale: Locale) -> str:
    """€19.99, 19,99 €; whole amounts keep their decimals, so columns stay even."""
    return format_currency(_major(amount), amount.currency, locale=locale)


@lru_cache(maxsize=512)
def money_short(amount: Money, locale: Locale) -> str:
    """Without decimals where there are none: €50."""
    if amount.amount % 10 ** _precision(amount.currency):
        return money(amount, locale)
    pattern = locale.currency_formats["standard"].pattern.replace(".00", "")
    return format_currency(_major(amount), amount.currency, pattern, locale=locale, currency_digits=False)


def amount(money: Money, locale: Locale) -> str:
    """For a field: 1999.00 or 1999,00, with neither the currency's sign nor marks of thousands."""
    places = _precision(money.currency)
    return format_decimal(_major(money), "0." + "0" * places if places else "0", locale=locale)


def amount_of(text: str, currency: str, locale: Locale) -> Money:
    """What somebody wrote in their locale's form, marks of thousands allowed. Raises ValueError."""
    if not _AMOUNT.fullmatch(text.strip()):
        raise ValueError(f"expected an amount in {currency}, found {text[:40]!r}")
    minor = parse_decimal(text.strip(), locale=locale, strict=True).scaleb(_precision(currency))
    if minor != int(minor):
        raise ValueError(f"expected at most {_precision(currency)} decimals, found {text[:40]!r}")
    return Money(amount=int(minor), currency=currency)


def number(value: float, locale: Locale) -> str:
    """With the locale's separators."""
    return format_decimal(value, locale=locale)


def day(moment: datetime | date, locale: Locale, form: str = "medium") -> str:
    """21 Nov 2026; `form` is short, medium, long or full, or `brief`: without the year."""
    if form == "brief":
        return format_skeleton("MMMd", moment, locale=locale)
    return format_date(moment, format=form, locale=locale)


def days(first: date, last: date, locale: Locale) -> str:
    """Tue 24 – Thu 26 Nov; of one day that alone."""
    return format_interval(first, last, "MMMEd", locale=locale)


def moment(at: datetime, locale: Locale, form: str = "medium") -> str:
    """Date and time, UTC."""
    return format_datetime(at.astimezone(UTC), format=form, locale=locale)


def ago(at: datetime, locale: Locale) -> str:
    """2 hours ago; in 3 days."""
    return format_timedelta(at - datetime.now(UTC), add_direction=True, locale=locale)


def country(code: str, locale: Locale) -> str:
    """Its name in the language of the locale; the code where that is not known."""
    return str(locale.territories.get(code, code))


@cache
def _precision(currency: str) -> int:
    return get_currency_precision(currency)


def _major(amount: Money) -> Decimal:
    return Decimal(amount.amount).scaleb(-_precision(amount.currency))
