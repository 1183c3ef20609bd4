"""From which warehouses an order comes: the fewest parcels, and of those the nearest. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from shop_contracts.warehouse.api import OUT_OF_STOCK, Allocation, Shortage

from shop_warehouse.refusals import too_little

EXACT = 3
"""Up to so many parcels the fewest are found by trying; above, the next one is always what gives most."""

Free = Mapping[UUID, Mapping[str, int]]
"""What is available, by product and code of the warehouse."""


@dataclass(frozen=True)
class Site:
    """A warehouse, as far as the choice goes."""

    code: str
    country: str
    priority: int


def nearest(sites: Iterable[Site], country: str) -> list[str]:
    """Codes: those in the country first, then by priority, then by code."""
    return [site.code for site in sorted(sites, key=lambda s: (s.country != country, s.priority, s.code))]


def choose(wanted: Mapping[UUID, int], free: Free, near: Sequence[str]) -> list[Allocation]:
    """What comes from where; `near` has the codes in order of preference. Raises Refused (out of stock).

    Each product comes from one warehouse where one of the chosen has enough of it.
    """
    there = {product: sum(free.get(product, {}).get(code, 0) for code in near) for product in wanted}
    if short := [
        Shortage(product_id=product, wanted=quantity, available=there[product])
        for product, quantity in sorted(wanted.items())
        if quantity > there[product]
    ]:
        raise too_little(OUT_OF_STOCK, short)
    group = _fewest(wanted, free, near)
    return [
        Allocation(product_id=product, warehouse=code, quantity=taken)
        for product, quantity in sorted(wanted.items())
        for code, taken in _split(quantity, [(code, free[product].get(code, 0)) for code in group])
    ]


def _fewest(wanted: Mapping[UUID, int], free: Free, near: Sequence[str]) -> Sequence[str]:
    """The scarcest product is looked at first: most groups fail there."""
    scarce = sorted(wanted, key=lambda product: len(free[product]))
    useful = [code for code in near if any(free[product].get(code, 0) for product in wanted)]
    for parcels in range(1, EXACT + 1):
        for group in combinations(useful, parcels):
            if all(sum(free[p].get(code, 0) for code in group) >= wanted[p] for p in scarce):
                return group
    return _greedy(wanted, free, useful)


def _greedy(wanted: Mapping[UUID, int], free: Free, useful: Sequence[str]) -> list[str]:
    rest, group = dict(wanted), list[str]()
    while any(rest.values()):
        gives = {
            code: sum(min(quantity, free[product].get(code, 0)) for product, quantity in rest.items())
            for code in useful
            if code not in group
        }
        best = max(gives, key=lambda code: gives[code])  # of several the first, which is the nearest
        group.append(best)
        rest = {product: max(0, quantity - free[product].get(best, 0)) for product, quantity in rest.items()}
    return sorted(group, key=useful.index)


def _split(quantity: int, there: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    for code, available in there:
        if available >= quantity:
            return [(code, quantity)]
    parts = []
    for code, available in there:
        taken = min(quantity, available)
        if taken:
            parts.append((code, taken))
        quantity -= taken
    return parts
