"""Bodies of the cart's HTTP API.

| route | does |
|---|---|
| `POST /carts` | a new cart for a guest; its id is a secret that gives access to it |
| `GET /carts/{cart_id}` | lines, prices, total; `me` is the cart of the user whose token is sent |
| `POST /carts/{cart_id}/lines` | adds to what is there; repeatable with an `Idempotency-Key` |
| `PUT /carts/{cart_id}/lines/{product_id}` | sets the quantity |
| `DELETE /carts/{cart_id}/lines/{product_id}` | removes the line |
| `DELETE /carts/{cart_id}` | forgets the cart |
| `PUT /carts/{cart_id}/coupon`, `DELETE` | puts a coupon on the cart, takes it off |
| `POST /carts/{cart_id}:merge` | moves a guest's cart into the user's |
| `GET /internal/carts/{cart_id}?subject=` | the same cart for order-taking; `me` is the subject's |
| `POST /internal/carts/{cart_id}/lines?subject=` | adds, for wishlist; repeatable with an `Idempotency-Key` |
| `DELETE /internal/carts/{cart_id}?subject=&etag=` | forgets it if it is still that one, else 412 |

Every answer has an `ETag`; a change with `If-Match` is made only if the cart is still that one, else 412.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.catalog.promotions import Code
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


class SetCoupon(Request):
    """The coupon of the cart, whatever there was."""

    code: Code


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
    """Of the quantity, before discounts."""
    discount: Money | None = None
    """What promotions and the coupon take off `total`; None: nothing."""
    available: bool = True
    """False: cannot be bought now (withdrawn, sold out, or sold in another currency), is not in the total."""
    in_stock: int | None = None
    """Pieces that can be bought, as catalog last heard; None: not known. The order has the last word."""
    price_change: PriceChange | None = None
    changed: bool = False
    """The shopper is to look: another price than when it was added, or fewer to be had than wanted."""


class CartCoupon(BaseModel):
    """A coupon on a cart: what it would do now. Ordering checks it anew."""

    code: str
    discount: Money | None = None
    """Its part of the discounts; None when refused, or when catalog did not answer."""
    refused: str | None = None
    """Why it cannot be used as the cart is now; None when it can, or when that is not known."""


class Cart(BaseModel):
    """A cart as it is now, at present prices."""

    id: str
    """`me` or the secret id of a guest's cart."""
    lines: list[Line] = []
    item_count: int = 0
    """Pieces that can be bought."""
    subtotal: Money | None = None
    """Of what can be bought, before discounts; None when that is nothing."""
    discount: Money | None = None
    """Of promotions and coupon together; None: nothing."""
    total: Money | None = None
    """`subtotal` less `discount`."""
    coupon: CartCoupon | None = None
    changed: bool = False
    """Whether a line has changed since it was added."""
    stale: bool = False
    """Catalog did not answer: names and prices are remembered ones, or discounts are left out."""
    as_of: AwareDatetime
    """When names and prices were true; of several the oldest."""
    expires_at: AwareDatetime
    """When the cart is forgotten unless somebody reads or changes it."""
    etag: str = ""
    """The same as in the header: of what is in the cart, whatever it costs."""


class LeftOut(BaseModel):
    """What a merge could not take along."""

    product_id: UUID
    quantity: int
    reason: Literal["too_many_lines", "too_many_pieces", "other_currency"]


class MergedCart(Cart):
    """The user's cart after a merge."""

    left_out: list[LeftOut] = []
