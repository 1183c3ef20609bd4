"""From a list into a cart: cart is told first, then the item is taken off.

Whatever breaks in between, the same request goes on where it broke: cart counts an item of the same quantity
into the same cart once.
"""

import hashlib
from uuid import UUID

from shop_chassis.client import CalleeUnavailable, CallRefused, ServiceClient
from shop_chassis.problems import Problem
from shop_contracts.cart.api import AddLine
from shop_contracts.wishlist.api import MovedToCart

from shop_wishlist.items import Items
from shop_wishlist.lists import Which

PASSED_ON = {404, 409, 410, 422}
"""What cart says about the shopper's wish: there is no such cart, it is full, the product is not sold."""


class Moving:
    """Moves what is wished for into carts."""

    def __init__(self, items: Items, cart: ServiceClient) -> None:
        self._items = items
        self._cart = cart

    async def move(self, subject: str, which: Which, product_id: UUID, cart_id: str) -> MovedToCart:
        """Raises Unknown, NotOnList; Problem as cart refuses, or 503 `cart-unavailable`."""
        item = await self._items.find(subject, which, product_id)
        try:
            await self._cart.send(
                "POST",
                "/internal/carts/{cart_id}/lines",
                path={"cart_id": cart_id},
                params={"subject": subject},
                body=AddLine(product_id=product_id, quantity=item.quantity),
                idempotency_key=_key(item.id, item.quantity, cart_id),
            )
        except CallRefused as error:
            if error.status not in PASSED_ON:
                raise
            detail = str(error.problem.get("detail", "the cart does not take it"))
            raise Problem(error.status, detail, type=error.problem.get("type", "cart-refused")) from None
        except CalleeUnavailable as error:
            detail = "the cart does not answer; try again, nothing will be put into it twice"
            raise Problem(503, detail, type="cart-unavailable", headers={"Retry-After": "2"}) from error
        await self._items.take_off(subject, item)
        return MovedToCart(cart_id=cart_id, product_id=product_id, quantity=item.quantity)


def _key(item: UUID, quantity: int, cart_id: str) -> str:
    # A digest: a guest's cart is opened by its id.
    return hashlib.sha256(f"wish {item} {quantity} {cart_id}".encode()).hexdigest()
