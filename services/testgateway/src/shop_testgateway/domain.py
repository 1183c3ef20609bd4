"""The rules of charges, cards and faults; nothing here touches the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from shop_chassis.pan import passes_luhn
from shop_contracts.testgateway.api import TOKENS, FaultKind, FaultState, Operation

ACTION_REQUIRED = "action_required"

NEXT: dict[str, dict[str, str]] = {
    "action_required": {"approve": "authorised", "deny": "declined", "void": "voided"},
    "authorised": {"capture": "captured", "void": "voided"},
    "captured": {"refund": "captured"},
    "declined": {},
    "voided": {},
}
"""What can be done with a charge, and what it is then."""

_OUTCOMES = {
    "4000000000000002": "declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
    "4000000000003220": ACTION_REQUIRED,
}
_BRANDS = (("visa", "4"), ("mastercard", "5"), ("mastercard", "2"), ("amex", "3"), ("discover", "6"))


class Refused(Exception):  # noqa: N818 - the name says what happened
    """It cannot be done, now or later; the message says why."""


def step(status: str, action: str) -> str:
    """The status after an action. Raises Refused."""
    try:
        return NEXT[status][action]
    except KeyError:
        raise Refused(f"cannot {action} a charge that is {status}") from None


def check_refund(captured: int, refunded: int, amount: int) -> None:
    """Raises Refused when more would be given back than was taken."""
    if amount > captured - refunded:
        raise Refused(f"cannot refund {amount}: {captured - refunded} of {captured} is left")


def fee(amount: int, basis_points: int) -> int:
    """What the gateway keeps, rounded down to a minor unit."""
    return amount * basis_points // 10_000


def outcome(token: str) -> str | None:
    """What comes of charging a token that was not made from card data: a reason to decline,
    `action_required`, or None for success."""
    return TOKENS.get(token, "unknown_method")


def card(number: str, exp_month: int, exp_year: int, today: date) -> tuple[str, str | None]:
    """Brand and outcome of a card. Raises Refused for a number that no card has; never repeats it."""
    if not passes_luhn(number):
        raise Refused("number: expected a card number, its check digit does not fit")
    brand = next((name for name, first in _BRANDS if number.startswith(first)), "unknown")
    if (exp_year, exp_month) < (today.year, today.month):
        return brand, "expired_card"
    return brand, _OUTCOMES.get(number)


_APPLIES: dict[FaultKind, frozenset[Operation]] = {
    "declined": frozenset({"authorise"}),
    "insufficient_funds": frozenset({"authorise"}),
    "action_required": frozenset({"authorise"}),
    "timeout_after_success": frozenset({"authorise", "capture", "void", "refund"}),
    "duplicate_webhook": frozenset({"authorise", "capture", "void", "refund"}),
    "late_webhook": frozenset({"authorise", "capture", "void", "refund"}),
    "down": frozenset({"authorise", "capture", "void", "refund", "find"}),
}
_OUTCOME_FAULTS: frozenset[FaultKind] = frozenset({"declined", "insufficient_funds", "action_required"})
WEBHOOK_FAULTS: frozenset[FaultKind] = frozenset({"duplicate_webhook", "late_webhook"})


class Switched(FaultState):
    """A fault at its place in the list."""

    position: int


@dataclass(frozen=True)
class Struck:
    """What goes wrong with one request."""

    faults: list[Switched]

    def __contains__(self, kind: FaultKind) -> bool:
        return self.seconds(kind) is not None

    def seconds(self, kind: FaultKind) -> float | None:
        """Of the fault of that kind; None where none struck."""
        return next((fault.seconds for fault in self.faults if fault.kind == kind), None)

    @property
    def outcome(self) -> str | None:
        """Of a charge, instead of its method's."""
        return next((fault.kind for fault in self.faults if fault.kind in _OUTCOME_FAULTS), None)


def strike(
    faults: Sequence[Switched], operation: Operation, method: str | None, draw: Callable[[], float]
) -> Struck:
    """Which faults strike a request; `draw` gives a random number in [0, 1) for each that may.

    One fault of the request itself, the first in the list, and one of each kind of webhook fault.
    """
    struck: dict[str, Switched] = {}
    for fault in faults:
        slot = fault.kind if fault.kind in WEBHOOK_FAULTS else "request"
        if slot not in struck and _matches(fault, operation, method) and draw() < fault.probability:
            struck[slot] = fault
    return Struck(list(struck.values()))


def _matches(fault: FaultState, operation: Operation, method: str | None) -> bool:
    return (
        operation in _APPLIES[fault.kind]
        and (not fault.operations or operation in fault.operations)
        and (fault.count is None or fault.count > 0)
        and (fault.method is None or fault.method == method)
    )
