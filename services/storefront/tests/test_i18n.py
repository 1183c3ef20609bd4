from datetime import UTC, datetime

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.money import Money
from shop_storefront import i18n
from shop_storefront.i18n import money, money_short, negotiate


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


@pytest.mark.parametrize(
    ("tag", "amount", "shown"),
    [
        ("en-IE", euros(1999), "€19.99"),
        ("en", euros(120000), "€1,200.00"),
        ("en", Money(amount=1999, currency="JPY"), "¥1,999"),
        ("de-DE", euros(120050), "1.200,50\xa0€"),
    ],
)
def test_money_is_written_as_the_locale_does(tag: str, amount: Money, shown: str) -> None:
    assert money(amount, Locale.parse(tag, sep="-")) == shown


def test_round_amounts_may_do_without_decimals() -> None:
    assert money_short(euros(2000), Locale("en")) == "€20"
    assert money_short(euros(2050), Locale("en")) == "€20.50"
    assert money_short(euros(2000), Locale("de")) == "20\xa0€"


def test_days_are_written_as_the_locale_does() -> None:
    at = datetime(2026, 11, 21, 18, 5, tzinfo=UTC)
    assert i18n.day(at, Locale.parse("en_GB")) == "21 Nov 2026"
    assert i18n.day(at, Locale.parse("de_DE")) == "21.11.2026"


@pytest.mark.parametrize(
    ("preferred", "header", "found"),
    [
        (None, "en-GB,en;q=0.9", "en_GB"),
        (None, "fr,en-IE;q=0.5", "en_IE"),
        (None, "fr", "en"),
        (None, "", "en"),
        (None, "en-US;q=0.1, en-AU;q=0.9", "en_AU"),
        (None, "xx-nonsense;;;q=,*", "en"),
        ("en-CA", "en-GB", "en_CA"),
        ("fr", "en-GB", "en_GB"),
    ],
)
def test_the_first_locale_with_texts_is_taken(preferred: str | None, header: str, found: str) -> None:
    assert str(negotiate(preferred, header, "en")) == found


def test_a_language_is_a_catalogue(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Cart"\nmsgstr "Warenkorb"\n'
    )
    monkeypatch.setattr(i18n, "_CATALOGUES", tmp_path)
    for remembered in (i18n.languages, i18n.translations, i18n.locale_of):
        remembered.cache_clear()
    try:
        assert i18n.languages() == ("en", "de")
        assert str(negotiate(None, "de-AT,en", "en")) == "de_AT"
        assert i18n.translations("de").gettext("Cart") == "Warenkorb"
        assert i18n.translations("de").gettext("Help") == "Help"
    finally:
        for remembered in (i18n.languages, i18n.translations, i18n.locale_of):
            remembered.cache_clear()


@given(
    st.integers(0, 10**12),
    st.sampled_from(["en", "en_IE", "de", "de_CH", "fr"]),
    st.sampled_from(["EUR", "JPY"]),
)
def test_amounts_are_read_as_they_are_shown(minor: int, tag: str, currency: str) -> None:
    amount, locale = Money(amount=minor, currency=currency), Locale.parse(tag)
    assert i18n.amount_of(i18n.amount(amount, locale), currency, locale) == amount


@pytest.mark.parametrize(
    ("tag", "text", "minor"),
    [("en", "49", 4900), ("en", " 1,234.50 ", 123450), ("de", "49,5", 4950), ("de", "1.234,50", 123450)],
)
def test_amounts_may_be_written_in_short(tag: str, text: str, minor: int) -> None:
    assert i18n.amount_of(text, "EUR", Locale(tag)) == euros(minor)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", ""),
        ("en", "49,00"),
        ("de", "49.00"),
        ("en", "1.999"),
        ("en", "-5"),
        ("en", "1e9"),
        ("en", "NaN"),
        ("en", "€5"),
        ("en", "9" * 30),
        ("en", "١٢"),
    ],
)
def test_what_is_no_amount_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError):
        i18n.amount_of(text, "EUR", Locale(tag))
