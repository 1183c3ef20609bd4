"""The routes; their bodies are in `shop_contracts.cart.api`."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from shop_chassis.auth import Principal, optional_user, require
from shop_chassis.cache import CacheUnavailable
from shop_chassis.client import CalleeUnavailable
from shop_chassis.etags import IfMatch
from shop_chassis.identity import internal
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.cart.api import MY_CART, AddLine, Cart, MergedCart, SetCoupon, SetQuantity
from shop_contracts.catalog.promotions import COUPON_REFUSED, normalised

from shop_cart import domain
from shop_cart.catalog import Catalog, NotSold, Unknown, to_sell
from shop_cart.domain import KeyReused, Knowledge, MixedCurrency, Reductions, StoredCart, TooMuch
from shop_cart.store import CartChanged, CartMerged, CartStore, NoCart, Ref, Version, guest_cart, user_cart

log = structlog.get_logger(__name__)


class Refused(Exception):  # noqa: N818 - the name says it
    """The coupon cannot be used for this cart; the message says why."""


async def _explained() -> AsyncIterator[None]:
    """Turns what rules, store and catalog raise into answers."""
    try:
        yield
    except NoCart:
        raise Problem(404, "there is no such cart, or it has expired; POST /carts makes a new one") from None
    except CartMerged:
        detail = f"this cart went into a user's at sign-in; it is /carts/{MY_CART} with that user's token"
        raise Problem(410, detail, type="cart-merged") from None
    except CartChanged:
        detail = "the cart is not the one with the ETag in If-Match any more; read it and decide again"
        raise Problem(412, detail) from None
    except Refused as error:
        raise Problem(422, str(error), type=COUPON_REFUSED) from None
    except NotSold as error:
        detail = f"catalog sells no product with the id {error}; remove it or choose another"
        raise Problem(422, detail, type="not-sold") from None
    except TooMuch as error:
        raise Problem(409, str(error), type="cart-limit") from None
    except MixedCurrency as error:
        raise Problem(409, str(error), type="mixed-currency") from None
    except KeyReused as error:
        raise Problem(422, str(error), type="idempotency-key-reused") from None
    except Unknown as error:
        detail = f"catalog does not answer, and nothing is remembered of {error}; try again later"
        raise _later(detail, "catalog-unavailable") from None
    except CalleeUnavailable as error:
        raise _later("catalog does not answer; try again later", "catalog-unavailable") from error
    except CacheUnavailable as error:
        log.error("carts cannot be reached", error=str(error))
        detail = (
            "carts cannot be read or changed now; whether this change was made is not known: "
            "try again, an addition with the same Idempotency-Key"
        )
        raise _later(detail, "carts-unavailable") from error


def _later(detail: str, type: str) -> Problem:
    return Problem(503, detail, type=type, headers={"Retry-After": "2"})


router = APIRouter(
    tags=["carts"], dependencies=[Depends(_explained)], responses=documented(401, 404, 410, 503)
)

Carts = Annotated[CartStore, provided(CartStore)]
Products = Annotated[Catalog, provided(Catalog)]
User = Annotated[Principal, require()]
Subject = Annotated[
    str | None,
    Query(max_length=128, description="`sub` of the token of the shopper for whom the service asks"),
]
MaybeUser = Annotated[Principal | None, optional_user()]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        description="The same key with the same body counts once.",
    ),
]


async def _which(cart_id: Annotated[str, Path(max_length=64)], user: MaybeUser) -> Ref:
    if cart_id != MY_CART:
        return guest_cart(cart_id)
    if user is None:
        raise Problem(401, f"/carts/{MY_CART} is the cart of a user: send the user's token")
    return user_cart(user.subject)


Which = Annotated[Ref, Depends(_which)]


@router.post("/carts", status_code=201)
async def create_cart(carts: Carts, products: Products, response: Response) -> Cart:
    """A new cart for a guest. Its id is a secret: whoever has it has the cart."""
    ref, version = await carts.create()
    response.headers["Location"] = f"/carts/{ref.id}"
    return await _shown(response, ref, version, Knowledge({}, datetime.now(UTC)), products)


@router.get("/carts/{cart_id}")
async def read_cart(ref: Which, carts: Carts, products: Products, response: Response) -> Cart:
    """The cart at present prices. Reading it keeps it from expiring."""
    version = await carts.read(ref)
    return await _shown(response, ref, version, await products.know(_products(version.cart)), products)


@router.delete("/carts/{cart_id}", status_code=204, responses=documented(412))
async def forget_cart(ref: Which, carts: Carts, if_match: IfMatch = None) -> None:
    """Forgets the cart; one that is not there is no error."""
    await carts.forget(ref, if_match)


@router.post("/carts/{cart_id}/lines", responses=documented(409, 412))
async def add_line(
    ref: Which,
    line: AddLine,
    carts: Carts,
    products: Products,
    response: Response,
    if_match: IfMatch = None,
    key: Key = None,
) -> Cart:
    """Adds to what is there; of two tabs that add, both count."""
    return await _added(ref, line, carts, products, response, if_match, key)


async def _added(
    ref: Ref,
    line: AddLine,
    carts: CartStore,
    products: Catalog,
    response: Response,
    if_match: str | None,
    key: str | None,
) -> Cart:
    before = await carts.read(ref)
    known = await products.know([*_products(before.cart), line.product_id])
    product = to_sell(known, line.product_id)

    def change(cart: StoredCart) -> StoredCart:
        return domain.add(cart, product, line.quantity, known.as_of, key)

    return await _shown(response, ref, await carts.change(ref, change, if_match), known, products)


@router.put("/carts/{cart_id}/lines/{product_id}", responses=documented(409, 412))
async def set_line(
    ref: Which,
    product_id: UUID,
    line: SetQuantity,
    carts: Carts,
    products: Products,
    response: Response,
    if_match: IfMatch = None,
) -> Cart:
    """Makes it exactly that quantity; a product that is not in the cart is put in."""
    before = await carts.read(ref)
    known = await products.know([*_products(before.cart), product_id])

    def change(cart: StoredCart) -> StoredCart:
        if product_id not in known.products and known.stale and cart.line(product_id) is not None:
            return domain.set_quantity(cart, product_id, line.quantity)
        return domain.put(cart, to_sell(known, product_id), line.quantity, known.as_of)

    return await _shown(response, ref, await carts.change(ref, change, if_match), known, products)


@router.delete("/carts/{cart_id}/lines/{product_id}", responses=documented(412))
async def remove_line(
    ref: Which,
    product_id: UUID,
    carts: Carts,
    products: Products,
    response: Response,
    if_match: IfMatch = None,
) -> Cart:
    """Takes a product out; one that is not there is no error."""
    version = await carts.change(ref, lambda cart: domain.remove(cart, product_id), if_match)
    return await _shown(response, ref, version, await products.know(_products(version.cart)), products)


@router.put("/carts/{cart_id}/coupon", responses=documented(409, 412))
async def set_coupon(
    ref: Which,
    coupon: SetCoupon,
    carts: Carts,
    products: Products,
    response: Response,
    if_match: IfMatch = None,
) -> Cart:
    """Puts a coupon on the cart, if it can be used; 422 `coupon-refused` says why not.

    While catalog does not answer it is put on unseen; what it takes off is shown by each answer, and decided
    by the order.
    """
    before, code = await carts.read(ref), normalised(coupon.code)
    known = await products.know(_products(before.cart))
    reductions = await _reductions(domain.with_coupon(before.cart, code), ref, known, products)
    if reductions.coupon and reductions.coupon.refused:
        raise Refused(reductions.coupon.refused)
    version = await carts.change(ref, lambda cart: domain.with_coupon(cart, code), if_match)
    return await _shown(response, ref, version, known, products)


@router.delete("/carts/{cart_id}/coupon", responses=documented(412))
async def remove_coupon(
    ref: Which, carts: Carts, products: Products, response: Response, if_match: IfMatch = None
) -> Cart:
    """Takes the coupon off; none is no error."""
    version = await carts.change(ref, lambda cart: domain.with_coupon(cart, None), if_match)
    return await _shown(response, ref, version, await products.know(_products(version.cart)), products)


@router.post("/carts/{cart_id}:merge")
async def merge_cart(
    cart_id: Annotated[str, Path(max_length=64)],
    user: User,
    carts: Carts,
    products: Products,
    response: Response,
) -> MergedCart:
    """Moves a guest's cart into the user's, as at sign-in; doing it again changes nothing."""
    mine = user_cart(user.subject)
    version, left_out = await carts.merge(guest_cart(cart_id), mine)
    cart = await _shown(response, mine, version, await products.know(_products(version.cart)), products)
    return MergedCart(**dict(cart), left_out=left_out)


def _products(cart: StoredCart) -> Collection[UUID]:
    return [line.product_id for line in cart.lines]


async def _reductions(cart: StoredCart, ref: Ref, known: Knowledge, products: Catalog) -> Reductions:
    lines = [line for line in domain.lines_of(cart, known) if line.available]
    if known.stale:  # it has just not answered: the shopper need not wait for that again
        return Reductions(missing=True)
    return await products.reductions(lines, cart.coupon, ref.subject)


async def _shown(response: Response, ref: Ref, version: Version, known: Knowledge, products: Catalog) -> Cart:
    reductions = await _reductions(version.cart, ref, known, products)
    response.headers["ETag"] = version.etag
    # The tag is of the cart, for If-Match; prices change without it, so nobody may keep the answer.
    response.headers["Cache-Control"] = "no-store"
    expires_at = datetime.now(UTC) + timedelta(seconds=ref.ttl)
    cart = domain.priced(version.cart, known, ref.id, expires_at, reductions)
    return cart.model_copy(update={"etag": version.etag})


internal_router = APIRouter(
    prefix="/internal",
    tags=["internal"],
    dependencies=[internal("order-taking"), Depends(_explained)],
    responses=documented(401, 403, 404, 410, 503),
)


async def _whose(cart_id: Annotated[str, Path(max_length=64)], subject: Subject = None) -> Ref:
    if cart_id != MY_CART:
        return replace(guest_cart(cart_id), subject=subject)
    if not subject:
        raise Problem(422, f"query.subject: expected the user whose cart {MY_CART} is")
    return user_cart(subject)


Whose = Annotated[Ref, Depends(_whose)]


@internal_router.get("/carts/{cart_id}")
async def read_for_order(ref: Whose, carts: Carts, products: Products, response: Response) -> Cart:
    """A shopper's cart, as they see it; `me` is the subject's."""
    version = await carts.read(ref)
    return await _shown(response, ref, version, await products.know(_products(version.cart)), products)


@internal_router.delete("/carts/{cart_id}", status_code=204, responses=documented(412))
async def forget_ordered(
    ref: Whose, carts: Carts, etag: Annotated[str, Query(description="`Cart.etag` of what was ordered")]
) -> None:
    """Forgets a cart that was ordered, if it is still that one; one that is not there is no error."""
    await carts.forget(ref, etag)


wishes_router = APIRouter(
    prefix="/internal",
    tags=["internal"],
    dependencies=[internal("wishlist"), Depends(_explained)],
    responses=documented(401, 403, 404, 410, 503),
)


@wishes_router.post("/carts/{cart_id}/lines", responses=documented(409))
async def add_wish(
    ref: Whose, line: AddLine, carts: Carts, products: Products, response: Response, key: Key = None
) -> Cart:
    """Adds what a shopper had on a list; `me` is the subject's. The same key counts once."""
    return await _added(ref, line, carts, products, response, None, key)
