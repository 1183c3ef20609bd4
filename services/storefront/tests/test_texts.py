"""Every text that people read: given to gettext, and there in every language."""

import ast
import os
import re
import warnings
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment
from shop_contracts.logistics.api import State as ShipmentState
from shop_contracts.order_processing.api import OrderState, SagaKind, SagaState
from shop_contracts.payment.api import STATES
from shop_contracts.warehouse.api import ReplenishmentState
from shop_storefront import i18n

from .conftest import Opens

SOURCES = Path(str(files("shop_storefront")))
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
KEYWORDS = {"_": None, "say": None, "ngettext": (1, 2)}
LANGUAGES = [language for language in i18n.languages() if language != i18n.SOURCE]
NO_WORDS = {"g", "kg", "wrap", "narrow", "yes"}
"""Units; classes of `{% block width %}`; what a macro answers that is asked for a truth."""

RELEASE = "SHOP_TEST_LONG" in os.environ
MISSING = 0.0 if RELEASE else 0.05
"""Share of the texts: who writes a page may leave them to whoever speaks the language, until a release."""

Text = tuple[str, ...]
"""One form, or singular and plural."""


def texts() -> dict[Text, str]:
    """Where each is."""
    found = extract_from_dir(
        SOURCES, METHODS, {"**/templates/**.html": {"newstyle_gettext": "true"}}, keywords=KEYWORDS
    )
    return {
        message if isinstance(message, tuple) else (message,): f"{file}:{line}"
        for file, line, message, _, _ in found
    }


def translated(language: str) -> dict[Text, Text]:
    with (SOURCES / "locale" / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    assert not [each.id for each in catalogue if each.fuzzy], "gettext leaves them out"

    def forms(text: str | tuple[str, ...] | list[str]) -> Text:
        return (text,) if isinstance(text, str) else tuple(text)

    return {forms(each.id): forms(each.string or "") for each in catalogue if each.id}


def names(text: str) -> set[str]:
    """Of what is filled in; `%%` is a sign of its own."""
    return set(re.findall(r"%\(\w+\)[+\d.]*[a-z]|%%", text))


def test_texts_are_found() -> None:
    found = texts()
    assert ("Cart",) in found
    assert ("Last one", "Only %(num)s left") in found
    assert ("This coupon cannot be used.",) in found  # of code


def test_what_handlers_say_can_be_found_by_who_translates_it() -> None:
    """gettext's tools read the sources: a text that is put together is in no catalogue."""
    said = [
        (path.name, node.lineno, node.args)
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) == "_" or getattr(node.func, "attr", None) == "say")
    ]
    assert len(said) > 20
    assert [each for each in said if not isinstance(each[2][0], ast.Constant)] == []


def test_german_is_there() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_texts_are_missing_and_none_of_a_release(language: str) -> None:
    there, wanted = translated(language), texts()
    missing = {text: place for text, place in wanted.items() if not all(there.get(text, ("",)))}
    told = "\n".join(f"{place}: {text[0]!r}" for text, place in missing.items())
    if missing:
        warnings.warn(f"locale/{language}.po lacks {len(missing)} texts:\n{told}", stacklevel=1)
    assert len(missing) <= MISSING * len(wanted), told


@pytest.mark.skipif(not RELEASE, reason="pages that come one by one may be ahead of their texts, or behind")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_there_that_no_page_has(language: str) -> None:
    assert translated(language).keys() - texts().keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_has_a_place_in_every_form(language: str) -> None:
    plurals = int(re.findall(r"nplurals=(\d)", (SOURCES / "locale" / f"{language}.po").read_text())[0])
    for text, forms in translated(language).items():
        assert len(forms) == (plurals if len(text) > 1 else 1), text
        for form in forms:
            assert names(form) <= names(text[-1]), form
            assert not set("<>&") & set(form), "it is put into pages as it is"
        assert names(forms[-1]) == names(text[-1]), text


@pytest.mark.parametrize("path", sorted((SOURCES / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_no_words_stand_in_a_template_by_themselves(path: Path) -> None:
    tokens = Environment(extensions=["jinja2.ext.i18n"]).lex(path.read_text())
    page = "".join(
        text if kind == "data" else "·" if kind == "variable_end" else "" for _, kind, text in tokens
    )
    read_out = re.findall(r'\b(?:aria-label|alt|placeholder|title|label)="([^"]*)"', page)
    shown = re.sub(r'<[^<>]*>|[\w-]+="[^"]*"|&#?\w+;|/\w[\w/?&=]*', " ", page)  # the last: a path
    words = {word for text in (shown, *read_out) for word in re.findall(r"[A-Za-z]+", text)} - NO_WORDS
    assert not words, f"expected {{{{ _(…) }}}} around them, found {sorted(words)}"


def test_states_and_kinds_of_services_have_words() -> None:
    known = set(re.findall(r'"(\w+)": _\(', (SOURCES / "templates/pages/admin/words.html").read_text()))
    assert set(STATES) | set(OrderState) <= known
    for each in (SagaState, SagaKind, ShipmentState, ReplenishmentState):
        assert set(get_args(each)) <= known


def test_a_page_in_german_has_its_plurals() -> None:
    german = i18n.translations("de")
    assert [german.ngettext("Last one", "Only %(num)s left", n) % {"num": n} for n in (1, 2)] == [
        "Letztes Stück",
        "Nur noch 2 Stück",
    ]


async def test_who_reads_german_is_shown_it(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        answer = await browser.open("/help", headers={"Accept-Language": "de-AT,en;q=0.5"})
        assert '<html lang="de">' in answer.text
        assert "Wenn Sie es sich anders überlegen" in browser.page.text
