"""What promotions and coupons take off an order: pure functions over whole amounts of one currency.

Offers that may be combined are applied one after the other, each to what those before it left: first whole
pieces, then amounts per piece, percentages, and amounts off the order. Of exclusive offers the one that takes
most off wins its lines, then the next on what remains, as long as the order gets cheaper by it. A coupon
takes its part of what promotions leave. Ties go by id, so nothing depends on the order of lines or offers.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from shop_contracts.catalog.promotions import AmountOff, NForM, Percentage, Rule

Off = dict[UUID, int]
"""What is taken off a product's line, in minor units; above 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """Some pieces of one product."""

    product_id: UUID
    categories: frozenset[str]
    """The product's own and those above it."""
    quantity: int
    unit: int
    """Price of a piece in minor units."""

    @property
    def price(self) -> int:
        """Of the whole line."""
        return self.quantity * self.unit


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion or coupon, as far as it decides about prices."""

    id: str
    rule: Rule
    categories: frozenset[str] = frozenset()
    products: frozenset[UUID] = frozenset()
    """Without categories and products it is on everything."""
    exclusive: bool = False

    def covers(self, line: Line) -> bool:
        """Whether the line is one that the offer is about."""
        if not self.categories and not self.products:
            return True
        return line.product_id in self.products or not self.categories.isdisjoint(line.categories)

    def in_currency(self, currency: str) -> bool:
        """Whether it can be applied to prices in this currency."""
        return not isinstance(self.rule, AmountOff) or self.rule.amount.currency == currency


@dataclass(frozen=True, slots=True)
class Promoted:
    """Lines after promotions."""

    off: Mapping[UUID, int]
    closed: frozenset[UUID]
    """Lines that an exclusive promotion has for itself."""

    def left(self, line: Line) -> int:
        """What a line still costs."""
        return line.price - self.off.get(line.product_id, 0)


def promoted(lines: Iterable[Line], offers: Iterable[Offer]) -> Promoted:
    """The best that promotions do for these lines, each product being on one line only."""
    rest = sorted(lines, key=lambda line: line.product_id)
    offers = sorted(offers, key=lambda offer: offer.id)
    exclusive = [offer for offer in offers if offer.exclusive]
    together = [offer for offer in offers if not offer.exclusive]
    off: Off = {}
    closed: set[UUID] = set()
    while True:
        combined = _combined(together, rest)
        best, covered, most = _Taken(), list[Line](), 0
        for offer in exclusive:
            its = [line for line in rest if offer.covers(line)]
            alone = _taken_off(offer.rule, {line: line.price for line in its})
            if (gain := sum(alone.values())) <= most:
                continue
            without = _combined(together, [line for line in rest if line not in its])
            if gain + sum(without.values()) > sum(combined.values()):
                best, covered, most = alone, its, gain
        if not covered:
            return Promoted(off | _by_product(combined), frozenset(closed))
        off |= _by_product(best)
        closed |= {line.product_id for line in covered}
        rest = [line for line in rest if line not in covered]


def coupon_off(lines: Iterable[Line], before: Promoted, coupon: Offer) -> Off:
    """What a coupon takes off besides: nothing from lines of exclusive promotions.

    An exclusive coupon is only for lines without any promotion.
    """
    shut: Collection[UUID] = before.off.keys() | before.closed if coupon.exclusive else before.closed
    ordered = sorted(lines, key=lambda line: line.product_id)
    open_to_it = {
        line: before.left(line) for line in ordered if line.product_id not in shut and coupon.covers(line)
    }
    return _by_product(_taken_off(coupon.rule, open_to_it))


_Taken = dict[Line, int]


def _by_product(taken: _Taken) -> Off:
    return {line.product_id: amount for line, amount in taken.items()}


def _combined(offers: Iterable[Offer], lines: list[Line]) -> _Taken:
    left = {line: line.price for line in lines}
    for offer in sorted(offers, key=lambda offer: (_turn(offer.rule), offer.id)):
        for line, off in _taken_off(offer.rule, {n: left[n] for n in lines if offer.covers(n)}).items():
            left[line] -= off
    return {line: line.price - amount for line, amount in left.items() if amount < line.price}


def _turn(rule: Rule) -> int:
    match rule:
        case NForM():
            return 0
        case AmountOff(per="piece"):
            return 1
        case Percentage():
            return 2
        case AmountOff():
            return 3
        case _:
            assert_never(rule)


def _taken_off(rule: Rule, left: Mapping[Line, int]) -> _Taken:
    """What one rule takes off lines of which so much is left: never more than that."""
    match rule:
        case Percentage(percent=percent):
            off = {line: (amount * percent * 2 + 100) // 200 for line, amount in left.items()}
        case AmountOff(per="piece", amount=each):
            off = {line: min(each.amount * line.quantity, amount) for line, amount in left.items()}
        case AmountOff(amount=whole):
            off = _spread(min(whole.amount, sum(left.values())), left)
        case NForM(take=take, pay=pay):
            off = _cheapest(take, pay, left)
        case _:
            assert_never(rule)
    return {line: amount for line, amount in off.items() if amount > 0}


def _spread(amount: int, left: Mapping[Line, int]) -> _Taken:
    """In proportion to what is left, to the last unit: largest remainders, equal ones by product."""
    total = sum(left.values())
    if total == 0:
        return {}
    shares = {line: divmod(amount * each, total) for line, each in left.items()}
    missing = amount - sum(whole for whole, _ in shares.values())
    first = sorted(shares, key=lambda line: (-shares[line][1], line.product_id))[:missing]
    return {line: whole + (line in first) for line, (whole, _) in shares.items()}


def _cheapest(take: int, pay: int, left: Mapping[Line, int]) -> _Taken:
    free = sum(line.quantity for line in left) // take * (take - pay)
    off: _Taken = {}
    for line in sorted(left, key=lambda line: (left[line] // line.quantity, line.product_id)):
        pieces = min(free, line.quantity)
        off[line] = left[line] // line.quantity * pieces
        free -= pieces
    return off
