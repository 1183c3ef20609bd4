"""Orders: what one would cost, placing it, and what became of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from shop_chassis.client import CallRefused, NotFound
from shop_contracts.logistics.api import MyShipment
from shop_contracts.money import Money
from shop_contracts.order_processing.api import Cancel, Order, OrderPage, ReturnRequest
from shop_contracts.order_taking.api import (
    COUPON_REFUSED,
    NOT_DELIVERABLE,
    AcceptedOrder,
    NewOrder,
    Preview,
    PreviewRequest,
)

from shop_storefront.drafts import Draft
from shop_storefront.forms import sentence
from shop_storefront.visit import Visit

T = TypeVar("T")


@dataclass(frozen=True)
class Quote:
    """What the order would come to."""

    preview: Preview
    coupon: str | None = None
    coupon_refused: str | None = None
    """Why the cart's coupon is not counted."""
    option_gone: bool = False
    """What was chosen before cannot be had any more; another one is quoted."""


async def coupon_of(visit: Visit) -> str | None:
    """The coupon of the cart. Raises CallError."""
    cart = await visit.site.carts.read(visit)
    return cart.coupon.code if cart and cart.coupon else None


async def quote(visit: Visit, cart_id: str, draft: Draft) -> Quote:
    """At prices of now. A coupon, or a way to send it, that cannot be had is left out, and that is said.

    Raises CallError: of CallRefused `problem` says what is wrong with cart or address.
    """
    assert draft.address is not None
    coupon, option = await coupon_of(visit), draft.option
    refused: str | None = None
    gone = False
    while True:
        given: dict[str, Any] = {"cart_id": cart_id, "shipping_address": draft.address}
        given |= {"coupon": coupon} if coupon else {}
        given |= {"shipping_option": option} if option else {}
        try:
            preview = await visit.site.near.order_taking.call(
                "POST",
                "/orders:preview",
                body=PreviewRequest.model_validate(given),
                headers=await visit.shopper(),
                into=Preview,
                idempotent=True,
            )
        except CallRefused as error:
            kind = error.problem.get("type")
            if kind == COUPON_REFUSED and coupon is not None:
                coupon, refused = None, sentence(str(error.problem.get("detail") or ""))
            elif kind == NOT_DELIVERABLE and option is not None:
                option, gone = None, True
            else:
                raise
        else:
            return Quote(preview, coupon, refused, gone)


async def place(
    visit: Visit, cart_id: str, draft: Draft, coupon: str | None, expected: Money
) -> AcceptedOrder:
    """Orders what is in the cart, if it comes to what was shown; once for a draft. Raises CallError."""
    given: dict[str, Any] = {
        "cart_id": cart_id,
        "email": draft.email,
        "shipping_address": draft.address,
        "shipping_option": draft.option,
        "payment_method": draft.method,
        "expected_total": expected,
        "locale": locale_of(visit),
    }
    given |= {"coupon": coupon} if coupon else {}
    given |= {"billing_address": draft.billing} if draft.billing else {}
    return await visit.site.near.order_taking.call(
        "POST",
        "/orders",
        body=NewOrder.model_validate(given),
        headers=await visit.shopper(),
        into=AcceptedOrder,
        idempotency_key=draft.key,
    )


def locale_of(visit: Visit) -> str:
    """Of the invoice and of what is written about the order."""
    language, territory = visit.locale.language, visit.locale.territory or ""
    return f"{language}-{territory}" if len(territory) == 2 else language


async def theirs(visit: Visit, ask: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
    """The answer in the visitor's name; where that is a 404, in that of the guest they were before signing
    in. Raises CallError, SignInNeeded.
    """
    try:
        return await ask(await visit.customer())
    except NotFound:
        guest = await visit.guest()
        if guest is None:
            raise
        return await ask(guest)


async def page(visit: Visit, after: str | None) -> OrderPage:
    """The caller's orders. Raises CallError, SignInNeeded."""
    return await _page(visit, await visit.customer(), after)


async def page_before(visit: Visit) -> OrderPage | None:
    """Those that they placed as a guest before they signed in; None: they were none. Raises CallError."""
    guest = await visit.guest()
    return None if guest is None else await _page(visit, guest, None)


async def _page(visit: Visit, headers: Mapping[str, str], after: str | None) -> OrderPage:
    params = {"limit": 20} | ({"after": after} if after else {})
    return await visit.site.near.order_processing.call(
        "GET", "/orders", params=params, headers=headers, into=OrderPage
    )


async def order(visit: Visit, id: UUID) -> Order:
    """One of them. Raises CallError, SignInNeeded."""
    near, path = visit.site.near.order_processing, {"order_id": id}
    return await theirs(
        visit, lambda who: near.call("GET", "/orders/{order_id}", path=path, headers=who, into=Order)
    )


async def invoice(visit: Visit, id: UUID) -> bytes:
    """Its invoice, a page. Raises CallError, SignInNeeded."""
    near, path = visit.site.near.order_processing, {"order_id": id}
    answer = await theirs(
        visit, lambda who: near.send("GET", "/orders/{order_id}/invoice", path=path, headers=who)
    )
    return answer.content


async def cancel(visit: Visit, id: UUID, reason: Cancel) -> None:
    """Wishes it cancelled. Raises CallError, SignInNeeded."""
    near, path = visit.site.near.order_processing, {"order_id": id}
    await theirs(
        visit,
        lambda who: near.send(
            "POST", "/orders/{order_id}:cancel", path=path, body=reason, headers=who, idempotent=True
        ),
    )


async def send_back(visit: Visit, id: UUID, wanted: ReturnRequest, key: str) -> None:
    """Announces a return, once for each key. Raises CallError, SignInNeeded."""
    near, path = visit.site.near.order_processing, {"order_id": id}
    await theirs(
        visit,
        lambda who: near.send(
            "POST", "/orders/{order_id}/returns", path=path, body=wanted, headers=who, idempotency_key=key
        ),
    )


async def shipment(visit: Visit, id: UUID) -> MyShipment:
    """Its parcel's way. Raises CallError, SignInNeeded."""
    near, path = visit.site.near.logistics, {"order_id": id}
    return await theirs(
        visit, lambda who: near.call("GET", "/shipments/{order_id}", path=path, headers=who, into=MyShipment)
    )


async def label(visit: Visit, id: UUID, return_id: UUID) -> bytes:
    """Of a return, a drawing (SVG). Raises CallError, SignInNeeded."""
    near, route = visit.site.near.logistics, "/shipments/{order_id}/returns/{return_id}/label"
    path = {"order_id": id, "return_id": return_id}
    answer = await theirs(visit, lambda who: near.send("GET", route, path=path, headers=who))
    return answer.content
