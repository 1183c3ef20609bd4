"""What may follow what, and how much to order: no I/O, no clock."""

from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

from shop_contracts.warehouse.api import ILLEGAL_STATE, RELEASED, Allocation, State

from shop_warehouse.refusals import Refused

Action = Literal["commit", "release", "ship", "lapse"]

NEXT: Mapping[Action, Mapping[State, State]] = {
    "commit": {"held": "committed", "expired": "committed", "committed": "committed", "shipped": "shipped"},
    "release": {"held": "released", "committed": "released", "expired": "released", "released": "released"},
    "ship": {"committed": "shipped", "shipped": "shipped"},
    "lapse": {"held": "expired"},
}
"""A state that stays is a repetition; what is not here is refused."""

HOLDING: frozenset[State] = frozenset({"held", "committed"})
"""States in which a reservation takes from what is available."""


def after(action: Action, state: State) -> State:
    """The state that the action leads to. Raises Refused."""
    following = NEXT[action].get(state)
    if following is None:
        possible = " or ".join(sorted(NEXT[action]))
        raise Refused(
            RELEASED if state == "released" else ILLEGAL_STATE,
            f"{action}: expected a reservation that is {possible}, found one that is {state}",
            state=state,
        )
    return following


def to_order(left: int, reorder_point: int, reorder_quantity: int) -> int:
    """How much to order when `left` pieces are on hand and not reserved; 0 at the reorder point and above.

    An (s, nQ) policy (Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains): the
    smallest multiple of the reorder quantity that comes back to the reorder point. Below 0 are pieces that
    are reserved and not there.
    """
    missing = reorder_point - left
    return 0 if missing <= 0 else -(-missing // reorder_quantity) * reorder_quantity


def homes(shipped: Iterable[Allocation]) -> dict[UUID, str]:
    """The warehouse that a product goes back to: where most of it came from, of two the first by code."""
    most: dict[UUID, Allocation] = {}
    for each in sorted(shipped, key=lambda each: (-each.quantity, each.warehouse)):
        most.setdefault(each.product_id, each)
    return {product: each.warehouse for product, each in most.items()}
