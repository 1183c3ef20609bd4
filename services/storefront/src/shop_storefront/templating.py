"""Templates: Jinja2 with its texts in the visitor's language, and money and dates in the visitor's locale."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from shop_contracts.catalog.api import Category
from shop_contracts.money import Money

from shop_storefront import i18n
from shop_storefront.assets import Assets
from shop_storefront.forms import sentence
from shop_storefront.pictures import srcset

HTMX = {
    "allowEval": False,
    "allowScriptTags": False,
    "includeIndicatorStyles": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "timeout": 10000,
    "attributesToSettle": ["class"],
}
"""htmx within the content security policy: nothing is evaluated, no style is written, no page is kept."""


class Templates:
    """One environment for each language, made when it is first needed."""

    def __init__(self, assets: Assets, shared: Mapping[str, object]) -> None:
        """`shared` is known to every template."""
        self._assets = assets
        self._shared = dict(shared)
        self._environments: dict[str, Environment] = {}

    def render(self, name: str, locale: Locale, context: Mapping[str, Any]) -> str:
        """The template's text. Raises jinja2.TemplateError: a fault of ours."""
        return self._environment(locale.language).get_template(name).render({**context, "locale": locale})

    def _environment(self, language: str) -> Environment:
        if language not in self._environments:
            self._environments[language] = self._make(language)
        return self._environments[language]

    def _make(self, language: str) -> Environment:
        environment = Environment(
            loader=PackageLoader("shop_storefront"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n"],
        )
        install = environment.install_gettext_translations  # type: ignore[attr-defined]
        install(i18n.translations(language), newstyle=True)
        environment.filters.update(
            money=_money,
            money_short=_money_short,
            number=_number,
            day=_day,
            days=_days,
            moment=_moment,
            ago=_ago,
            country=_country,
            sentence=sentence,
            json=_json,
        )
        environment.globals.update(
            {
                "static": self._assets.url,
                "srcset": srcset,
                "htmx_config": json.dumps(HTMX),
                "icons": _Icons(self._assets),
                "crumbs": _crumbs,
                "price_range": _price_range,
                **self._shared,
            }
        )
        return environment


class _Icons:
    """The drawings of `static/icons.svg`, put into the page: no request, and they take the text's colour."""

    def __init__(self, assets: Assets) -> None:
        text = assets.body("icons.svg").decode()
        self._paths = {}
        for part in text.split("<symbol ")[1:]:
            name = part.partition('id="')[2].partition('"')[0]
            self._paths[name] = Markup(part.partition(">")[2].partition("</symbol>")[0])

    def __call__(self, name: str) -> Markup:
        return self._paths[name]


@pass_context
def _money(context: Context, amount: Money) -> str:
    return i18n.money(amount, context["locale"])


@pass_context
def _money_short(context: Context, amount: Money) -> str:
    return i18n.money_short(amount, context["locale"])


@pass_context
def _number(context: Context, value: float) -> str:
    return i18n.number(value, context["locale"])


@pass_context
def _day(context: Context, value: date | datetime, form: str = "medium") -> str:
    return i18n.day(value, context["locale"], form)


@pass_context
def _days(context: Context, first: date, last: date) -> str:
    return i18n.days(first, last, context["locale"])


@pass_context
def _moment(context: Context, value: datetime, form: str = "medium") -> str:
    return i18n.moment(value, context["locale"], form)


@pass_context
def _country(context: Context, code: str) -> str:
    return i18n.country(code, context["locale"])


@pass_context
def _ago(context: Context, value: datetime) -> str:
    return i18n.ago(value, context["locale"])


def _crumbs(trail: Sequence[Category]) -> list[tuple[str, str]]:
    """Of categories, for `ui.breadcrumb`."""
    return [(each.title, f"/c/{each.slug}") for each in trail]


@pass_context
def _price_range(context: Context, value: str, currency: str = "EUR") -> str:
    """Of a facet's value `from-to`, in minor units: €20 – €50, from €50, up to €20."""
    first, _, last = value.partition("-")
    # The last amount of a range is a minor unit below the next one's first, which is the rounder to read.
    end = str(int(last) + 1) if last and (int(last) + 1) % 100 == 0 else last
    low, high = (
        i18n.money_short(Money(amount=int(each), currency=currency), context["locale"])
        if int(each or 0)
        else ""
        for each in (first, end)
    )
    say = i18n.translations(context["locale"].language).gettext
    if low and high:
        return f"{low} – {high}"
    return say("from %(low)s") % {"low": low} if low else say("up to %(high)s") % {"high": high}


def _json(value: object) -> str:
    """For an attribute's value: it is escaped as any text is."""
    return json.dumps(value, default=str, separators=(",", ":"))
