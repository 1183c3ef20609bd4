"""Says what went wrong, from what shoppers were told, what the gateway took and what is on the shelves.

Nothing that the shop says of itself counts: an order's state is what its owner read, money is what the
gateway's books say, and stock is counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict
from shop_contracts.order_processing.api import SETTLED, Order, OrderState
from shop_contracts.testgateway.api import Charge

from shop_faults.told import Seen, Told, Wish

FINAL_SECONDS = 60.0
"""After the end of the faults."""

Kind = Literal["oversold", "double charged", "lost", "not final", "shown wrong"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEFT = frozenset({OrderState.SHIPPED, OrderState.DELIVERED, OrderState.RETURNED})
"""Its pieces are out of the warehouse, or about to be carried out."""


class Violation(BaseModel):
    """Something that must not be."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    about: str
    """An order, a card or a product."""
    evidence: str


class Report(BaseModel):
    """What the checker found."""

    model_config = ConfigDict(frozen=True)

    wishes: int
    """Orders that somebody tried to place."""
    acknowledged: int
    refused: int
    states: dict[str, int]
    """How many orders are in which state."""
    charges: int
    answers: dict[int, int]
    """How many there were of each status."""
    violations: list[Violation]

    def of(self, kind: Kind) -> list[Violation]:
        """The violations of one kind."""
        return [each for each in self.violations if each.kind == kind]

    def __str__(self) -> str:
        told = f"{self.acknowledged} orders acknowledged, {self.refused} refused, {self.charges} charges"
        return "\n".join([told, *(f"{each.kind}: {each.about}: {each.evidence}" for each in self.violations)])


def check(told: Told, charges: Sequence[Charge], counted: Mapping[str, int]) -> Report:
    """`charges`: all of the gateway's; `counted`: pieces on the shelves by product."""
    by_card: dict[str, list[Charge]] = defaultdict(list)
    for charge in charges:
        by_card[charge.method].append(charge)
    violations: list[Violation] = []
    for wish in told.wishes.values():
        violations += _wish(wish, told, by_card[wish.card])
    violations += _stock(told, counted)
    orders = [seen.order for seen in told.seen.values() if seen.order]
    return Report(
        wishes=len(told.wishes),
        acknowledged=told.acknowledged,
        refused=sum(wish.refused is not None for wish in told.wishes.values()),
        states=dict(sorted(Counter(str(order.state) for order in orders).items())),
        charges=len(charges),
        answers=dict(sorted(told.answers.items())),
        violations=violations,
    )


def _wish(wish: Wish, told: Told, charges: Sequence[Charge]) -> Iterator[Violation]:
    """All about one card, which is used for one order only."""
    standing = [charge for charge in charges if charge.status in ("authorised", "captured")]
    if len(wish.accepted) > 1:
        ids = ", ".join(sorted(wish.accepted))
        yield Violation(
            kind="double charged", about=wish.card, evidence=f"one key made several orders: {ids}"
        )
    if len(standing) > 1:
        what = ", ".join(f"{each.id} {each.status} for {each.reference}" for each in standing)
        yield Violation(
            kind="double charged", about=wish.card, evidence=f"one order, several charges: {what}"
        )
    if not wish.answered:
        evidence = f"{wish.who} never heard whether the order {wish.key} was taken"
        yield Violation(kind="not final", about=wish.card, evidence=evidence)
        return
    if not wish.accepted:
        for charge in standing:
            evidence = f"refused as {wish.refused}, yet {charge.id} is {charge.status}"
            yield Violation(kind="double charged", about=wish.card, evidence=evidence)
        return
    for id in wish.accepted:
        seen = told.seen.get(id, Seen())
        mine = [charge for charge in charges if charge.reference == id]
        yield from _order(id, wish, seen, mine, told.ended_at)


def _order(
    id: str, wish: Wish, seen: Seen, charges: Sequence[Charge], ended_at: float | None
) -> Iterator[Violation]:
    """One order that was acknowledged."""
    order = seen.order
    if order is None or seen.missing:
        kind: Kind = "lost" if seen.missing else "not final"
        evidence = "order-processing does not know it" if seen.missing else "it could never be read"
        yield Violation(kind=kind, about=id, evidence=f"acknowledged to {wish.who}, yet {evidence}")
        return
    if order.state not in SETTLED or seen.settled_at is None:
        yield Violation(kind="not final", about=id, evidence=f"it is {order.state}: {order.reason or ''}")
        return
    late = seen.settled_at - ended_at if ended_at is not None else 0.0
    if late > FINAL_SECONDS:
        evidence = f"it was {order.state} only {late:.0f} s after the faults had ended"
        yield Violation(kind="not final", about=id, evidence=evidence)
    yield from _money(id, order, charges)


def _money(id: str, order: Order, charges: Sequence[Charge]) -> Iterator[Violation]:
    """Of an order that is final: kept is what is owed, nothing more and nothing less."""
    kept = sum(charge.captured - charge.refunded for charge in charges)
    books = ", ".join(f"{each.id} {each.status} {each.captured} - {each.refunded}" for each in charges)
    cancelled = order.state is OrderState.CANCELLED
    refunded = sum(each.amount.amount for each in order.returns if each.state == "refunded")
    most = 0 if cancelled else order.total.amount - refunded
    # A refund may be made before its shopper has looked again.
    under_way = sum(each.amount.amount for each in order.returns if each.state in ("labelled", "received"))
    least = 0 if cancelled else most - under_way
    if kept > most:
        evidence = f"{order.state}: {most} is owed, {kept} kept ({books})"
        yield Violation(kind="double charged", about=id, evidence=evidence)
    if kept < least:
        evidence = f"{order.state}: {least} is owed, {kept} kept ({books or 'no charge'})"
        yield Violation(kind="lost", about=id, evidence=evidence)
    if cancelled and (held := [each.id for each in charges if each.status == "authorised"]):
        evidence = f"cancelled, yet the amount is still set aside: {', '.join(held)}"
        yield Violation(kind="not final", about=id, evidence=evidence)


def _stock(told: Told, counted: Mapping[str, int]) -> Iterator[Violation]:
    """Of every product: no more is sold than there was, what is missing from the shelf was sent, and what is
    shown can be had."""
    sent: Counter[str] = Counter()  # has left
    sold: Counter[str] = Counter()  # has left or will
    back: Counter[str] = Counter()  # has come back to the shelf
    coming: Counter[str] = Counter()  # has come back, or may have
    for seen in told.seen.values():
        if (order := seen.order) is None or order.state is OrderState.CANCELLED:
            continue
        for line in order.lines:
            sold[str(line.product_id)] += line.quantity
            sent[str(line.product_id)] += line.quantity if order.state in LEFT else 0
        for each in order.returns:
            for piece in each.lines:
                back[str(piece.product_id)] += piece.quantity if each.state == "refunded" else 0
                coming[str(piece.product_id)] += piece.quantity if each.state != "refused" else 0
    for product, there in told.stock.items():
        free, perhaps = there - sold[product] + back[product], there - sold[product] + coming[product]
        if perhaps < 0:
            evidence = f"{there} were there, {sold[product]} are sold, {coming[product]} of them come back"
            yield Violation(kind="oversold", about=product, evidence=evidence)
        shown = told.shown.get(product)
        if shown is not None and not free <= shown <= perhaps:
            evidence = f"{there} were there, {sold[product]} are sold: {free} can be had, {shown} are shown"
            yield Violation(kind="shown wrong", about=product, evidence=evidence)
        most, found = there - sent[product] + coming[product], counted.get(product, 0)
        if not free <= found <= most:
            evidence = (
                f"{there} were there, {sent[product]} to {sold[product]} left and {back[product]} to "
                f"{coming[product]} came back, so {free} to {most} should be there: counted {found}"
            )
            yield Violation(kind="oversold", about=product, evidence=evidence)
