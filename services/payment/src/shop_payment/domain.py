"""What a payment can become: the state machine as data, and what is learnt from a gateway's word.

A gateway tells a charge as a whole, in its answers, in webhooks and when it is asked. What it tells is read
as the facts that must have happened; each is applied once. So a word that comes twice, late or before another
changes nothing that it should not, and one that was lost is made up for by the next.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class State(StrEnum):
    """Of a payment; as in the contract."""

    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


class What(StrEnum):
    """Kinds of facts."""

    ACTION_REQUIRED = "action_required"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


class Kind(StrEnum):
    """What can be asked of a gateway."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


_S, _W = State, What

TRANSITIONS: dict[State, dict[What, State]] = {
    _S.PENDING: {
        _W.ACTION_REQUIRED: _S.ACTION_REQUIRED,
        _W.AUTHORISED: _S.AUTHORISED,
        _W.DECLINED: _S.DECLINED,
        _W.VOIDED: _S.VOIDED,
    },
    _S.ACTION_REQUIRED: {
        _W.AUTHORISED: _S.AUTHORISED,
        _W.DECLINED: _S.DECLINED,
        _W.VOIDED: _S.VOIDED,
    },
    _S.AUTHORISED: {_W.CAPTURED: _S.CAPTURED, _W.VOIDED: _S.VOIDED},
    _S.CAPTURED: {_W.REFUNDED: _S.PARTIALLY_REFUNDED},
    _S.PARTIALLY_REFUNDED: {_W.REFUNDED: _S.PARTIALLY_REFUNDED},
    _S.DECLINED: {},
    _S.VOIDED: {},
    _S.REFUNDED: {},
}
"""The state after a fact. With the last refund it is `REFUNDED` instead of `PARTIALLY_REFUNDED`."""

IMPLIED: dict[State, frozenset[What]] = {
    _S.PENDING: frozenset(),
    _S.ACTION_REQUIRED: frozenset({_W.ACTION_REQUIRED}),
    _S.AUTHORISED: frozenset({_W.ACTION_REQUIRED, _W.AUTHORISED}),
    _S.DECLINED: frozenset({_W.ACTION_REQUIRED, _W.DECLINED, _W.VOIDED}),
    _S.VOIDED: frozenset({_W.ACTION_REQUIRED, _W.DECLINED, _W.VOIDED}),
    _S.CAPTURED: frozenset({_W.ACTION_REQUIRED, _W.AUTHORISED, _W.CAPTURED}),
    _S.PARTIALLY_REFUNDED: frozenset({_W.ACTION_REQUIRED, _W.AUTHORISED, _W.CAPTURED}),
    _S.REFUNDED: frozenset({_W.ACTION_REQUIRED, _W.AUTHORISED, _W.CAPTURED}),
}
"""Facts that are no news in a state; refunds are told apart by their keys."""

MAY: dict[Kind, frozenset[State]] = {
    Kind.AUTHORISE: frozenset({_S.PENDING, _S.ACTION_REQUIRED}),
    Kind.CAPTURE: frozenset({_S.AUTHORISED}),
    Kind.VOID: frozenset({_S.PENDING, _S.ACTION_REQUIRED, _S.AUTHORISED}),
    Kind.REFUND: frozenset({_S.CAPTURED, _S.PARTIALLY_REFUNDED}),
}
"""In which states something can be asked for."""

DONE: dict[Kind, frozenset[State]] = {
    Kind.CAPTURE: frozenset({_S.CAPTURED, _S.PARTIALLY_REFUNDED, _S.REFUNDED}),
    Kind.VOID: frozenset({_S.VOIDED, _S.DECLINED}),
}
"""In which states there is nothing left to do for it."""

ChargeStatus = Literal["pending", "action_required", "authorised", "declined", "captured", "voided"]
RefundStatus = Literal["pending", "done", "refused"]


@dataclass(frozen=True)
class ChargeRefund:
    """A refund as a gateway tells it."""

    key: str
    amount: int
    status: RefundStatus = "done"
    reason: str = ""


@dataclass(frozen=True)
class Charge:
    """All that a gateway says of one charge."""

    id: str
    key: str
    """The idempotency key that it was authorised with."""
    status: ChargeStatus
    amount: int
    currency: str
    captured: int = 0
    fee: int = 0
    reason: str | None = None
    action_url: str | None = None
    refunds: tuple[ChargeRefund, ...] = ()


@dataclass(frozen=True)
class Fact:
    """Something that has happened to a payment."""

    what: What
    amount: int = 0
    fee: int = 0
    key: str = ""
    """Of the refund."""
    reason: str | None = None
    action_url: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a payment before a word of the gateway."""

    state: State
    amount: int
    currency: str
    captured: int = 0
    refunds: Collection[str] = ()
    """Keys of the refunds that are done."""


@dataclass(frozen=True)
class Learnt:
    """What a word of the gateway adds."""

    facts: tuple[Fact, ...]
    """That are news, in the order in which they happened."""
    release: bool
    """The gateway holds money for a payment that was given up: it has to be voided there."""


class Contradiction(Exception):  # noqa: N818 - named for what it says
    """The gateway says what cannot be; the message says what."""


def learn(known: Known, charge: Charge) -> Learnt:
    """What is new in a gateway's word.

    Its order does not matter, and neither does its repetition. Raises Contradiction.
    """
    if (charge.amount, charge.currency) != (known.amount, known.currency):
        raise Contradiction(
            f"charge {charge.id} is of {charge.amount} {charge.currency}, "
            f"expected {known.amount} {known.currency}"
        )
    if sum(refund.amount for refund in charge.refunds if refund.status == "done") > charge.captured:
        raise Contradiction(f"of charge {charge.id} more was refunded than the {charge.captured} captured")
    if known.state in DONE[Kind.VOID]:
        if charge.status == "captured":
            raise Contradiction(f"charge {charge.id} was captured although the payment is {known.state}")
        return Learnt((), release=charge.status in ("authorised", "action_required", "pending"))
    news: list[Fact] = []
    state = known.state
    for fact in _facts(charge):
        if fact.what in IMPLIED[state] or fact.key in known.refunds:
            continue
        state = _after(state, fact, charge.id)
        news.append(fact)
    return Learnt(tuple(news), release=False)


def after(state: State, fact: Fact, *, captured: int, refunded: int) -> State:
    """The state after a fact, whose amount `captured` and `refunded` include. Raises Contradiction."""
    following = _after(state, fact, "")
    return State.REFUNDED if fact.what is What.REFUNDED and refunded >= captured else following


def _after(state: State, fact: Fact, charge: str) -> State:
    try:
        return TRANSITIONS[state][fact.what]
    except KeyError:
        raise Contradiction(f"charge {charge} is said to be {fact.what}, the payment is {state}") from None


def _facts(charge: Charge) -> Iterator[Fact]:
    """All that must have happened for a charge to be as it is."""
    match charge.status:
        case "action_required":
            yield Fact(What.ACTION_REQUIRED, action_url=charge.action_url)
        case "authorised":
            yield Fact(What.AUTHORISED, charge.amount)
        case "declined":
            yield Fact(What.DECLINED, reason=charge.reason or "declined")
        case "voided":
            yield Fact(What.VOIDED)
        case "captured":
            yield Fact(What.AUTHORISED, charge.amount)
            yield Fact(What.CAPTURED, charge.captured, fee=charge.fee)
            for refund in charge.refunds:
                if refund.status == "done":
                    yield Fact(What.REFUNDED, refund.amount, key=refund.key)


OVER: frozenset[ChargeStatus] = frozenset({"voided", "declined"})

ANSWERS: dict[Kind, frozenset[ChargeStatus]] = {
    Kind.AUTHORISE: frozenset({"authorised", "declined", "captured", "voided"}),
    Kind.CAPTURE: frozenset({"captured"}),
    Kind.VOID: OVER | {"captured"},
}
"""The statuses of a charge after which there is nothing more to ask; refunds are told apart by their keys."""


def answered(kind: Kind, key: str, charge: Charge) -> bool:
    """Whether asking again is of no use, because the charge shows what came of it, or what will not."""
    match kind:
        case Kind.AUTHORISE:
            return True
        case Kind.REFUND:
            return any(refund.key == key for refund in charge.refunds)
        case _:
            return charge.status in ANSWERS[kind] | OVER


def key_of(order_id: str, kind: Kind, refund_id: str | None = None) -> str:
    """The idempotency key: the same thing has the same key for ever, whoever asks for it again."""
    return f"{order_id}:{kind}" if refund_id is None else f"{order_id}:{kind}:{refund_id}"


def order_of(key: str) -> str | None:
    """The order whose authorisation has that key; None for a key that is not of this kind."""
    order_id, _, kind = key.rpartition(":")
    return order_id if order_id and kind == Kind.AUTHORISE else None


def pause(tries: int) -> float:
    """Seconds until something that is not answered is asked again: longer than a call may take."""
    return float(min(30, 5 + 5 * tries))
