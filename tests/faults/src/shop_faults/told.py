"""What shoppers were told, taken from the journal alone: which orders they have, and how each stood last."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shop_contracts.order_processing.api import SETTLED, Order
from shop_contracts.order_taking.api import AcceptedOrder

from shop_faults.journal import Line

_ORDER = re.compile(r"^/orders/([0-9a-f-]{36})$")
_PRODUCT = re.compile(r"^/products/([0-9a-f-]{36})$")
_SHELF = re.compile(r"^/admin/stock/[^/]+/([0-9a-f-]{36})$")


@dataclass
class Seen:
    """What the owner of an order saw of it."""

    order: Order | None = None
    """The newest account; None: nobody ever saw it."""
    missing: bool = False
    """The last answer was that there is no such order."""
    settled_at: float | None = None
    """Since when it is settled, as far as somebody looked; None: it is not."""


@dataclass
class Wish:
    """One thing that one shopper wants: one card and one key, sent as often as it takes."""

    who: str
    key: str
    card: str
    accepted: dict[str, AcceptedOrder] = field(default_factory=dict)
    """Orders that were acknowledged, by id: one, if the shop is right."""
    refused: str | None = None
    """The type of the refusal, when that was the last word."""

    @property
    def answered(self) -> bool:
        """Whether the shopper knows what came of it."""
        return bool(self.accepted) or self.refused is not None


@dataclass
class Told:
    """Everything that the journal says."""

    wishes: dict[tuple[str, str], Wish] = field(default_factory=dict)
    """By shopper and key."""
    seen: dict[str, Seen] = field(default_factory=dict)
    """By order."""
    stock: dict[str, int] = field(default_factory=dict)
    """What was put on the shelves, by product."""
    shown: dict[str, int] = field(default_factory=dict)
    """How many could be had, when somebody last looked, by product."""
    answers: Counter[int] = field(default_factory=Counter)
    """How many there were of each status. A 500 harms nobody here, but is one that nobody had thought of."""
    ended_at: float | None = None
    """When the faults ended."""

    @property
    def acknowledged(self) -> int:
        """Orders."""
        return sum(len(wish.accepted) for wish in self.wishes.values())


def told(lines: Iterable[Line]) -> Told:
    """Reads the journal."""
    found = Told()
    asked: dict[int, Line] = {}
    for line in lines:
        if line.status is not None:
            found.answers[line.status] += 1
        match line.what, line.service, line.method:
            case "faults ended", _, _:
                found.ended_at = line.at
            case "asked", "order-taking", "POST" if line.path == "/orders":
                wish = Wish(line.who, line.key or "", line.body["payment_method"])
                found.wishes.setdefault((line.who, wish.key), wish)
            case "answered", "order-taking", "POST" if line.path == "/orders":
                _ordered(found.wishes[line.who, line.key or ""], line.status or 0, line.body)
            case "answered", "order-processing", "GET" if match := _ORDER.match(line.path):
                _looked(found.seen.setdefault(match[1], Seen()), line)
            case "answered", "catalog", "GET" if line.status == 200 and (match := _PRODUCT.match(line.path)):
                found.shown[match[1]] = int(line.body["available"] or 0)
            case "asked", "warehouse", "PUT" if _SHELF.match(line.path):
                asked[line.number] = line
            case "answered", "warehouse", "PUT" if match := _SHELF.match(line.path):
                # 200: an earlier request, whose answer was lost, had put it there.
                if line.status in (200, 201) and line.number in asked:
                    found.stock[match[1]] = int(asked[line.number].body["on_hand"])
    return found


def passing(status: int, *, retry_after: bool) -> bool:
    """Whether an answer says "later" rather than yes or no."""
    return status >= 500 or status in (408, 425, 429) or (status == 409 and retry_after)


def _ordered(wish: Wish, status: int, body: Any) -> None:
    if status == 202:
        accepted = AcceptedOrder.model_validate(body)
        wish.accepted[str(accepted.order_id)] = accepted
        wish.refused = None
    elif status < 500 and status not in (408, 425, 429) and body.get("type") != "request-in-work":
        wish.refused = str(body.get("type") or status)


def _looked(seen: Seen, line: Line) -> None:
    if line.status == 404:
        seen.missing = True
    elif line.status == 200:
        order = Order.model_validate(line.body)
        settled = order.state in SETTLED
        if not settled:
            seen.settled_at = None
        elif seen.settled_at is None:
            seen.settled_at = line.at
        seen.order, seen.missing = order, False
