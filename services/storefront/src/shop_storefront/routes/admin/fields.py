"""Fields of the admin area's forms that are not simply texts: amounts, times, versions, attributes."""

from datetime import UTC, datetime
from typing import Any

from shop_contracts.money import Money

from shop_storefront import i18n
from shop_storefront.forms import Form
from shop_storefront.visit import Visit

CURRENCY = "EUR"
"""Of amounts that are new; those that there are keep theirs."""


def version(form: Form) -> int:
    """Of what was shown when the form was opened; 0, which nothing has, where it does not say."""
    sent = form.get("version")
    return int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 10 else 0


def money(visit: Visit, name: str, currency: str = CURRENCY) -> Money | None:
    """The amount of a field; None for none. What is wrong is said at the field."""
    text = visit.form.get(name)
    if not text:
        return None
    try:
        return i18n.amount_of(text, currency, visit.locale)
    except ValueError:
        example = i18n.amount(Money(amount=1990, currency=currency), visit.locale)
        visit.form.wrong(name, visit.say("Please enter an amount, such as %(amount)s.") % {"amount": example})
        return None


def given(**values: object) -> dict[str, Any]:
    """Those that there are: what is missing the contract's model asks for."""
    return {name: value for name, value in values.items() if value is not None}


def moment(form: Form, name: str) -> str | None:
    """A `datetime-local` field, which has no zone: it is UTC. Whether it is a time the model says."""
    text = form.get(name)
    return f"{text}Z" if text else None


def shown(at: datetime | None) -> str:
    """For a `datetime-local` field, the reverse of `moment`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if at else ""


def attributes(form: Form, name: str) -> dict[str, str]:
    """Lines such as `material: oak`. Raises nothing: a line without a colon has an empty value."""
    found = {}
    for line in form.get(name).splitlines():
        key, _, value = line.partition(":")
        if key.strip():
            found[key.strip()] = value.strip()
    return found


def as_lines(attributes: dict[str, str]) -> str:
    """The reverse of `attributes`."""
    return "\n".join(f"{name}: {value}" for name, value in attributes.items())


def words(form: Form, name: str) -> list[str]:
    """A field with several words or lines, each once."""
    return list(dict.fromkeys(form.get(name).replace(",", " ").split()))
