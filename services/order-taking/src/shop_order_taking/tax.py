"""Tax: which rate holds, and how much it comes to. Pure functions over the rows of the table."""

from collections.abc import Mapping
from dataclasses import dataclass

WHOLE = 10_000
"""Basis points of one."""


@dataclass(frozen=True, slots=True)
class TaxRules:
    """How one country taxes; `shop_contracts.order_taking.api.CountryTax` says what is always there."""

    prices_include_tax: bool
    by_region: bool
    rates: Mapping[tuple[str, str], int]
    """Basis points by region and category; "" is all of them."""

    @property
    def regions(self) -> list[str]:
        """Those that the rates name."""
        return sorted({region for region, _ in self.rates if region})


class RegionUnknown(Exception):  # noqa: N818 - the name says what happened
    """The country is taxed by region, and this is none of them."""

    def __init__(self, found: str, expected: list[str]) -> None:
        super().__init__(f"expected one of the regions {', '.join(expected)}, found {found or 'none'}")
        self.expected = expected


def region_of(rules: TaxRules, written: str) -> str:
    """The region of an address, as the rates name it; "" where none matters. Raises RegionUnknown."""
    region = written.strip().upper()
    if region in rules.regions:
        return region
    if rules.by_region:
        raise RegionUnknown(region, rules.regions)
    return ""


def rate(rules: TaxRules, region: str, category: str) -> int:
    """Basis points. One for the category goes before one for the region: what is exempt stays so."""
    for key in ((region, category), ("", category), (region, ""), ("", "")):
        if (found := rules.rates.get(key)) is not None:
            return found
    raise LookupError(f"no rate for {category or 'anything'} in {region or 'the country'}")


def tax(amount: int, basis_points: int, *, included: bool) -> int:
    """Of an amount that has the tax in it, or that it is added to; half a unit is rounded up.

    `amount` is in minor units and not negative.
    """
    return _half_up(amount * basis_points, WHOLE + basis_points if included else WHOLE)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
