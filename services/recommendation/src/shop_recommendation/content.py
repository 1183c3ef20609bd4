"""How alike two products are by what catalog says of them: for those that nobody has looked at yet."""

from collections.abc import Mapping
from dataclasses import dataclass

KIN, SHARED, PRICE = 0.5, 0.35, 0.15
"""What category, attributes and price count; together 1."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared."""

    category: str
    attributes: frozenset[tuple[str, str]]
    amount: int
    """Minor units."""
    currency: str

    @classmethod
    def of(cls, category: str, attributes: Mapping[str, str], amount: int, currency: str) -> "Features":
        """Attributes are compared without case."""
        folded = frozenset((name.casefold(), value.casefold()) for name, value in attributes.items())
        return cls(category, folded, amount, currency)


def likeness(one: Features, other: Features) -> float:
    """From 0 to 1, the same in both directions; 1 is alike in everything that is compared."""
    kin = 1.0 if one.category == other.category else 0.0
    return KIN * kin + SHARED * _shared(one, other) + PRICE * _price(one, other)


def _shared(one: Features, other: Features) -> float:
    """The share of the attributes that are equal, of those that either has."""
    names = {name for name, _ in one.attributes | other.attributes}
    if not names:
        return 1.0
    return len({name for name, _ in one.attributes & other.attributes}) / len(names)


def _price(one: Features, other: Features) -> float:
    """The lower by the higher; 0 between currencies."""
    if one.currency != other.currency:
        return 0.0
    low, high = sorted((one.amount, other.amount))
    return 1.0 if low == high else max(low, 0) / high
