"""Routes of promotions and coupons: for shoppers, administrators and, about uses, other services."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, etag
from shop_chassis.identity import internal
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.catalog.promotions import (
    CODE,
    COUPON_REFUSED,
    Coupon,
    CouponCheck,
    CouponContent,
    CouponDiscounts,
    CouponPage,
    CouponUse,
    CouponUsePage,
    CouponUseRequest,
    Discounts,
    PriceRequest,
    Promotion,
    PromotionContent,
    PromotionList,
    PromotionPage,
)

from shop_catalog.admin import IS_NEW, SCOPE
from shop_catalog.coupons import CouponRefused, Coupons, DifferentRequest, Released
from shop_catalog.errors import explained
from shop_catalog.promotions import Promotions
from shop_catalog.versioned import expecting

public = APIRouter(tags=["promotions"])
admin = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)
uses = APIRouter(
    prefix="/internal/coupon-uses",
    tags=["internal"],
    dependencies=[internal("order-taking", "order-processing")],
    responses=documented(401, 403, 503),
)

Offered = Annotated[Promotions, provided(Promotions)]
Given = Annotated[Coupons, provided(Coupons)]
NewCode = Annotated[str, Path(pattern=CODE, max_length=40, examples=["WELCOME10"])]


@public.get("/promotions")
async def list_promotions(promotions: Offered) -> PromotionList:
    """Promotions that are valid now."""
    return await promotions.current()


@public.post("/promotions:price")
async def price(promotions: Offered, request: PriceRequest) -> Discounts:
    """What promotions take off these lines; changes nothing, so it may be repeated."""
    return await promotions.price(request)


@public.post("/coupons:check")
async def check_coupon(coupons: Given, request: CouponCheck) -> CouponDiscounts:
    """What a coupon takes off besides promotions; 422 `coupon-refused` says why not. Changes nothing."""
    try:
        return await coupons.check(request)
    except CouponRefused as error:
        raise _refusal(error) from error


@admin.get("/promotions")
async def list_all_promotions(promotions: Offered, limit: Limit = 20, after: After = None) -> PromotionPage:
    """All promotions, newest first."""
    return await promotions.page(limit=limit, after=after)


@admin.get("/promotions/{id}", responses=documented(404))
async def read_promotion(promotions: Offered, id: UUID, response: Response) -> Promotion:
    """One promotion, with the ETag that a change needs."""
    with explained():
        promotion = await promotions.get(id)
    response.headers["ETag"] = etag(promotion.version)
    return promotion


@admin.put("/promotions/{id}", responses=IS_NEW | documented(409, 412, 428))
async def put_promotion(
    promotions: Offered, id: UUID, content: PromotionContent, response: Response, if_match: IfMatch = None
) -> Promotion:
    """Creates a promotion with the caller's id, or changes it if it is still as the caller knows it."""
    with explained():
        promotion, made = await promotions.put(id, content, expecting(if_match))
    response.status_code = 201 if made else 200
    response.headers["ETag"] = etag(promotion.version)
    return promotion


@admin.get("/coupons")
async def list_coupons(coupons: Given, limit: Limit = 20, after: After = None) -> CouponPage:
    """All coupons with how often they were used, by code."""
    return await coupons.page(limit=limit, after=after)


@admin.get("/coupons/{code}", responses=documented(404))
async def read_coupon(coupons: Given, code: NewCode, response: Response) -> Coupon:
    """One coupon, with the ETag that a change needs."""
    with explained():
        coupon = await coupons.get(code)
    response.headers["ETag"] = etag(coupon.version)
    return coupon


@admin.put("/coupons/{code}", responses=IS_NEW | documented(409, 412, 428))
async def put_coupon(
    coupons: Given, code: NewCode, content: CouponContent, response: Response, if_match: IfMatch = None
) -> Coupon:
    """Creates a coupon, or changes it if it is still as the caller knows it. Uses stay."""
    with explained():
        coupon, made = await coupons.put(code, content, expecting(if_match))
    response.status_code = 201 if made else 200
    response.headers["ETag"] = etag(coupon.version)
    return coupon


@admin.get("/coupons/{code}/uses")
async def list_coupon_uses(
    coupons: Given, code: NewCode, limit: Limit = 20, after: After = None
) -> CouponUsePage:
    """Orders that use, or used, the coupon."""
    return await coupons.uses(code, limit=limit, after=after)


@uses.put("/{order_id}", responses=documented(409))
async def use_coupon(coupons: Given, order_id: UUID, request: CouponUseRequest) -> CouponUse:
    """Holds a coupon for an order for an hour, or counts it for good; may be repeated.

    A hold is refused with 422 `coupon-refused`, or 409 `released` once the order has been given up. A final
    use is never refused; of an order that has been given up the answer says `released`: it counts no more.
    """
    try:
        return await coupons.use(order_id, request)
    except CouponRefused as error:
        raise _refusal(error) from error
    except Released as error:
        raise Problem(409, str(error), type="released") from error
    except DifferentRequest as error:
        raise Problem(409, str(error), type="different-request") from error


@uses.delete("/{order_id}")
async def release_coupon(coupons: Given, order_id: UUID) -> CouponUse:
    """The order was given up: its use counts no more, and a hold that comes later is refused."""
    return await coupons.release(order_id)


def _refusal(error: CouponRefused) -> Problem:
    return Problem(422, str(error), type=COUPON_REFUSED, reason=error.reason)
