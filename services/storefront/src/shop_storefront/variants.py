"""The variants of a product, as choices: one group for each option."""

from collections.abc import Sequence
from dataclasses import dataclass

from shop_contracts.catalog.api import FamilyWithVariants, Product


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of an option, and the variant that it leads to."""

    value: str
    slug: str
    current: bool
    exact: bool
    """False: another option changes with it, because there is none that differs in this alone."""
    sold_out: bool


@dataclass(frozen=True, slots=True)
class Option:
    """A group of choices."""

    name: str
    value: str
    """Of the product that is shown."""
    choices: Sequence[Choice]


def options_of(product: Product, family: FamilyWithVariants) -> list[Option]:
    """In the family's order; values in the order of the variants. Options with one value are no choice."""
    options = []
    for name in family.options:
        values = list(dict.fromkeys(each.options[name] for each in family.variants if name in each.options))
        if len(values) > 1:
            values.sort(key=_size)  # others stay as they are
            choices = [_choice(product, family.variants, name, value) for value in values]
            options.append(Option(name, product.options.get(name, ""), choices))
    return options


_SIZES = ("XXS", "XS", "S", "M", "L", "XL", "XXL")


def _size(value: str) -> tuple[int, float]:
    """Clothes from small to large, numbers by their value."""
    if value.upper() in _SIZES:
        return 0, _SIZES.index(value.upper())
    number = value.split(" ")[0].replace(",", ".")
    return (1, float(number)) if number.replace(".", "", 1).isdecimal() else (2, 0.0)


def _choice(product: Product, variants: Sequence[Product], name: str, value: str) -> Choice:
    wanted = {**product.options, name: value}
    having = [each for each in variants if each.options.get(name) == value]
    # The one that has most in common with what is shown.
    best = max(having, key=lambda each: sum(each.options.get(key) == wanted[key] for key in wanted))
    return Choice(
        value,
        best.slug,
        current=product.options.get(name) == value,
        exact=best.options == wanted,
        sold_out=best.available == 0,
    )
