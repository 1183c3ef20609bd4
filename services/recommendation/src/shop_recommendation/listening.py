"""What other services' events mean here."""

from uuid import UUID

from shop_chassis.events import Event, On
from shop_contracts.cart.events import CART_UPDATED, CartUpdated
from shop_contracts.catalog.events import (
    CATEGORY_CHANGED,
    PRODUCT_CHANGED,
    CategoryChanged,
    ProductChanged,
)
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from shop_contracts.storefront.events import PAGE_VIEWED, PageViewed
from sqlalchemy.ext.asyncio import AsyncSession

from shop_recommendation.history import day_of, recognise, record, visitor_of
from shop_recommendation.shelf import put_categories, put_product


async def page_viewed(session: AsyncSession, event: Event) -> None:
    """Somebody looked at a product, or a browser shows who it is."""
    view = PageViewed.model_validate(event.data)
    if view.subject is not None:
        await recognise(session, view.visitor, view.subject, view.at)
    if view.product_id is not None:
        actor = view.subject or visitor_of(view.visitor)
        await record(session, actor, "view", day_of(view.at), [view.product_id], view.at)


async def cart_updated(session: AsyncSession, event: Event) -> None:
    """What is in a cart now; what was taken out was wanted all the same."""
    cart = CartUpdated.model_validate(event.data)
    actor = cart.user or f"cart:{cart.cart}"
    await record(session, actor, "cart", day_of(event.time), cart.quantities, event.time)


async def order_placed(session: AsyncSession, event: Event) -> None:
    """What was bought together."""
    order = OrderPlaced.model_validate(event.data)
    products: list[UUID] = [line.product_id for line in order.lines]
    await record(session, order.subject, "order", str(order.order_id), products, order.placed_at)


async def product_changed(session: AsyncSession, event: Event) -> None:
    """What there is, and of which kind."""
    changed = ProductChanged.model_validate(event.data)
    await put_product(session, changed.product, event.sequence)


async def category_changed(session: AsyncSession, event: Event) -> None:
    """Where a category stands in the tree."""
    changed = CategoryChanged.model_validate(event.data)
    await put_categories(session, [changed.category], event.sequence)


# Every one counts, in whatever order they come: rows have the time of what they tell, products a sequence.
FROM_STOREFRONT = [On(PAGE_VIEWED, page_viewed)]
FROM_CART = [On(CART_UPDATED, cart_updated)]
FROM_ORDERS = [On(ORDER_PLACED, order_placed)]
FROM_CATALOG = [On(PRODUCT_CHANGED, product_changed), On(CATEGORY_CHANGED, category_changed)]
