"""Events of the cart service, stream `cart`; the aggregate and subject is `cart`.

Best effort: carts are in Redis, without an outbox, so one may be missing. The sequence of an event is its
time in microseconds: of two of a cart the higher is newer, and there are gaps.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

STREAM = "cart"
CART_UPDATED: Literal["cart.updated"] = "cart.updated"


class CartUpdated(BaseModel):
    """A cart has other contents: all of them afterwards.

    The cart of a user is named as the user. A guest's is named by a digest of its id, because the id itself
    gives access.
    """

    model_config = ConfigDict(frozen=True)

    cart: str
    user: str | None = None
    """The `sub` of the token whose cart it is, a guest's too; None where its id alone gives access."""
    quantities: dict[UUID, int]
    """By product."""
