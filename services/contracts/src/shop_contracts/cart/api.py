"""Bodies of the cart's HTTP API.

| route | does |
|---|---|
| `POST /carts` | a new cart for a guest; its id is a secret that gives access to it |
| `GET /carts/{cart_id}` | lines, prices, total; `me` is the cart of the user whose token is sent |
| `POST /carts/{cart_id}/lines` | adds to what is there; repeatable with an `Idempotency-Key` |
| `PUT /carts/{cart_id}/lines/{product_id}` | sets the quantity |
| `DELETE /carts/{cart_id}/lines/{product_id}` | removes the line |
| `DELETE /carts/{cart_id}` | forgets the cart |
| `POST /carts/{cart_id}:merge` | moves a guest's cart into the user's |

Every answer has an `ETag`; a change with `If-Match` is made only if the cart is still that one, else 412.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.money import Money

MY_CART = "me"
"""The id that stands for the cart of the user whose token is sent."""

MAX_QUANTITY = 99
"""Of one product in a cart."""

MAX_LINES = 50
"""Products in a cart."""

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class Request(BaseModel):
    """A body that a caller sends; an unknown field is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid")


class AddLine(Request):
    """So much more of a product."""

    product_id: UUID
    quantity: Quantity = 1


class SetQuantity(Request):
    """So much of a product, whatever there was."""

    quantity: Quantity


class PriceChange(BaseModel):
    """The price of one piece is not what it was when the line was put into the cart or last changed."""

    old: Money
    new: Money


class Line(BaseModel):
    """One product in a cart."""

    product_id: UUID
    title: str
    quantity: int
    unit_price: Money
    """As catalog said last; see `Cart.stale`."""
    total: Money
    available: bool = True
    """False: cannot be bought now (withdrawn, or sold in another currency), is not in the total."""
    price_change: PriceChange | None = None


class Cart(BaseModel):
    """A cart as it is now, at present prices."""

    id: str
    """`me` or the secret id of a guest's cart."""
    lines: list[Line] = []
    item_count: int = 0
    """Pieces that can be bought."""
    total: Money | None = None
    """Of what can be bought; None when that is nothing."""
    stale: bool = False
    """Catalog did not answer: names and prices are remembered ones."""
    as_of: AwareDatetime
    """When names and prices were true; of several the oldest."""
    expires_at: AwareDatetime
    """When the cart is forgotten unless somebody reads or changes it."""


class LeftOut(BaseModel):
    """What a merge could not take along."""

    product_id: UUID
    quantity: int
    reason: Literal["too_many_lines", "too_many_pieces", "other_currency"]


class MergedCart(Cart):
    """The user's cart after a merge."""

    left_out: list[LeftOut] = []
