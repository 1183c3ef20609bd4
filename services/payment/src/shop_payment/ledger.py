"""The ledger: double entry, append-only.

| posting | debit | credit | when |
|---|---|---|---|
| `receipt` | `gateway:<name>` | `customers` | the gateway has captured |
| `sale` | `customers` | `sales`, `tax`, `shipping` | with it |
| `fee` | `fees` | `gateway:<name>` | with it, where the gateway keeps one |
| `refund` | `refunds` | `customers` | a refund is accepted: from now on the shop owes it |
| `payout` | `customers` | `gateway:<name>` | the gateway has made it |
| `refund_reversed` | `customers` | `refunds` | the gateway will never make it |
| `refund_restored` | `refunds` | `customers` | it has made it all the same |

So `customers` is what the shop owes to customers, and `gateway:<name>` what the gateway owes to the shop.
"""

from dataclasses import dataclass

from shop_payment.domain import Fact, What


@dataclass(frozen=True)
class Posting:
    """A transaction of the ledger in one currency: its entries sum to zero."""

    kind: str
    key: str
    """Tells postings of a kind of the same payment apart."""
    entries: tuple[tuple[str, int], ...]
    """Account and amount in minor units: debits positive, credits negative, none zero."""

    def __post_init__(self) -> None:
        if len(self.entries) < 2 or sum(amount for _, amount in self.entries) != 0:
            raise ValueError(f"posting {self.kind}: expected entries that sum to zero, found {self.entries}")


@dataclass(frozen=True)
class Split:
    """What a payment is for."""

    tax: int
    shipping: int


def of_fact(fact: Fact, gateway: str, split: Split, refund_id: str = "") -> list[Posting]:
    """What a fact moves; nothing for one that moves no money."""
    asset = f"gateway:{gateway}"
    match fact.what:
        case What.CAPTURED:
            sales = fact.amount - split.tax - split.shipping
            postings = [
                _posting("receipt", "", (asset, fact.amount), ("customers", -fact.amount)),
                _posting(
                    "sale",
                    "",
                    ("customers", fact.amount),
                    ("sales", -sales),
                    ("tax", -split.tax),
                    ("shipping", -split.shipping),
                ),
            ]
            if fact.fee:
                postings.append(_posting("fee", "", ("fees", fact.fee), (asset, -fact.fee)))
            return postings
        case What.REFUNDED:
            return [_posting("payout", refund_id, ("customers", fact.amount), (asset, -fact.amount))]
        case _:
            return []


def refund_accepted(refund_id: str, amount: int, again: bool = False) -> Posting:
    """The shop owes it to the customer; `again`, after it was reversed."""
    kind = "refund_restored" if again else "refund"
    return _posting(kind, refund_id, ("refunds", amount), ("customers", -amount))


def refund_refused(refund_id: str, amount: int) -> Posting:
    """It does not, because the gateway will not make it."""
    return _posting("refund_reversed", refund_id, ("customers", amount), ("refunds", -amount))


def _posting(kind: str, key: str, *entries: tuple[str, int]) -> Posting:
    return Posting(kind, key, tuple(entry for entry in entries if entry[1]))
