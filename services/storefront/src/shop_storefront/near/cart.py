"""The cart of a visit: a guest's until somebody signs in, then theirs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel
from shop_chassis.client import NotFound, ServiceClient
from shop_chassis.tables import new_id
from shop_contracts.cart.api import MY_CART, AddLine, Cart, MergedCart, SetCoupon, SetQuantity

from shop_storefront.parts import FAILURES
from shop_storefront.sessions import Session
from shop_storefront.visit import Visit

log = structlog.get_logger(__name__)


class Carts:
    """All changes go through here, so that the number at the top of the pages is right."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def id_of(self, visit: Visit) -> str | None:
        """`me`, the guest's cart, or None: nothing was ever put into one. For order-taking too."""
        return MY_CART if visit.session.signed_in else visit.session.guest_cart

    async def read(self, visit: Visit) -> Cart | None:
        """The cart at present prices; None where there is none. Raises CallError."""
        id = await self.id_of(visit)
        if id is None:
            return None
        try:
            return await self._call(visit, "GET", "/carts/{cart_id}", id)
        except NotFound:  # expired, or merged in another tab
            await visit.change(_without_cart)
            return None

    async def add(self, visit: Visit, product: UUID, quantity: int) -> Cart:
        """Puts in so many more. Raises CallError; of CallRefused `problem` has the reason."""
        id = await self.id_of(visit) or await self._new(visit)
        body, key = AddLine(product_id=product, quantity=quantity), str(new_id())
        try:
            return await self._call(
                visit, "POST", "/carts/{cart_id}/lines", id, body=body, idempotency_key=key
            )
        except NotFound:
            id = await self._new(visit)
            return await self._call(
                visit, "POST", "/carts/{cart_id}/lines", id, body=body, idempotency_key=key
            )

    async def set(self, visit: Visit, product: UUID, quantity: int) -> Cart:
        """Makes it exactly so many; 0 takes it out. Raises CallError."""
        id = await self.id_of(visit) or await self._new(visit)
        route, path = "/carts/{cart_id}/lines/{product_id}", {"product_id": product}
        if quantity <= 0:
            return await self._call(visit, "DELETE", route, id, path=path)
        return await self._call(visit, "PUT", route, id, path=path, body=SetQuantity(quantity=quantity))

    async def coupon(self, visit: Visit, code: str | None) -> Cart:
        """Puts a coupon on the cart; None takes it off. Raises CallError."""
        id = await self.id_of(visit) or await self._new(visit)
        if code is None:
            return await self._call(visit, "DELETE", "/carts/{cart_id}/coupon", id)
        return await self._call(visit, "PUT", "/carts/{cart_id}/coupon", id, body=SetCoupon(code=code))

    async def merge(self, visit: Visit, guest_cart: str | None) -> MergedCart | None:
        """Right after signing in: the guest's cart goes into the shopper's, if cart answers."""
        if guest_cart is None:
            return None
        try:
            answer = await self._client.call(
                "POST",
                "/carts/{cart_id}:merge",
                path={"cart_id": guest_cart},
                headers=await visit.headers(),
                into=MergedCart,
                idempotent=True,
            )
        except FAILURES as error:
            log.warning("a guest's cart was not merged", error=str(error))
            return None
        await self._noted(visit, answer)
        return answer

    async def _new(self, visit: Visit) -> str:
        cart = await self._client.call("POST", "/carts", into=Cart)
        await visit.change(lambda session: session.model_copy(update={"guest_cart": cart.id}))
        return cart.id

    async def _call(
        self,
        visit: Visit,
        method: str,
        route: str,
        id: str,
        *,
        path: Mapping[str, object] | None = None,
        body: BaseModel | None = None,
        **more: Any,
    ) -> Cart:
        headers = await visit.headers() if id == MY_CART else {}
        cart = await self._client.call(
            method, route, path={"cart_id": id, **(path or {})}, body=body, headers=headers, into=Cart, **more
        )
        await self._noted(visit, cart)
        return cart

    async def _noted(self, visit: Visit, cart: Cart) -> None:
        if visit.session.cart_count != cart.item_count:
            await visit.change(lambda session: session.model_copy(update={"cart_count": cart.item_count}))


def _without_cart(session: Session) -> Session:
    return session.model_copy(update={"guest_cart": None, "cart_count": 0})
