"""The public API: what to show, and why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from shop_chassis.auth import Principal, optional_user
from shop_chassis.problems import documented
from shop_chassis.runtime import provided
from shop_contracts.catalog.api import Slug
from shop_contracts.recommendation.api import MOST, VISITOR, RecentlyViewed, Recommendations, Slot
from shop_contracts.storefront.events import Visitor

from shop_recommendation.history import visitor_of
from shop_recommendation.suggesting import Suggestions

router = APIRouter(tags=["recommendations"], responses=documented(401, 503))

Suggest = Annotated[Suggestions, provided(Suggestions)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
SHARED = {"Cache-Control": "public, max-age=60"}
"""Of answers that are the same for everybody."""
OWN = {"Cache-Control": "no-store"}


async def _actor(
    user: Annotated[Principal | None, optional_user()],
    visitor: Annotated[
        Visitor | None,
        Header(alias=VISITOR, description="Of the page views, for a shopper without a token"),
    ] = None,
) -> str | None:
    """Whose history counts: that of a token's shopper, else a browser's; nobody's without either."""
    if user is not None and not user.scopes.isdisjoint({"shop", "guest"}):
        return user.subject
    return visitor_of(visitor) if visitor else None


Actor = Annotated[str | None, Depends(_actor)]


@router.get("/recommendations")
async def recommend(
    suggestions: Suggest,
    actor: Actor,
    response: Response,
    slot: Slot = "home",
    product_id: Annotated[
        list[UUID], Query(max_length=50, description="The product of the page, those in the cart")
    ] = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = 12,
) -> Recommendations:
    """What this shopper may want here; without a shopper or a place, what is popular and new."""
    response.headers.update(OWN)
    return await suggestions.recommend(actor, slot, product_id, limit)


@router.get("/similar/{product_id}")
async def list_similar(
    suggestions: Suggest, response: Response, product_id: UUID, limit: Limit = 12
) -> Recommendations:
    """What could be taken instead of a product; nothing for one that is not known."""
    response.headers.update(SHARED)
    return await suggestions.similar(product_id, limit)


@router.get("/bought-together/{product_id}")
async def list_together(
    suggestions: Suggest, response: Response, product_id: UUID, limit: Limit = 6
) -> Recommendations:
    """What at least two shoppers bought with a product; often nothing."""
    response.headers.update(SHARED)
    return await suggestions.together(product_id, limit)


@router.get("/popular")
async def list_popular(
    suggestions: Suggest,
    response: Response,
    category: Annotated[Slug | None, Query(description="With the categories below it")] = None,
    limit: Limit = 12,
) -> Recommendations:
    """What shoppers look at and buy now, recent days counting most; then what is new."""
    response.headers.update(SHARED)
    return await suggestions.popular(category, limit)


@router.get("/recently-viewed")
async def list_viewed(
    suggestions: Suggest, actor: Actor, response: Response, limit: Limit = 12
) -> RecentlyViewed:
    """The products that this shopper looked at, last first; nobody's without a token or a visitor."""
    response.headers.update(OWN)
    return await suggestions.viewed(actor, limit)
