"""Events of the cart service. Best effort: carts are in Redis, without an outbox, so one may be missing."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

CART_UPDATED: Literal["cart.updated"] = "cart.updated"


class CartUpdated(BaseModel):
    """A cart has other contents: all of them afterwards. The event's subject is `cart`.

    A guest's cart is named by a digest of its id, because the id itself gives access.
    """

    model_config = ConfigDict(frozen=True)

    cart: str
    user: str | None = None
    """The `sub` of the user's token; None for a guest."""
    quantities: dict[UUID, int]
    """By product."""
