"""Catalog's events, stream `catalog`; the aggregate and subject is the id of the product or promotion.

The tree of categories is one aggregate, `categories`.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shop_contracts.catalog.api import Category, Product
from shop_contracts.catalog.promotions import Promotion
from shop_contracts.money import Money

STREAM = "catalog"
PRODUCT_CHANGED: Literal["product.changed"] = "product.changed"
PRICE_CHANGED: Literal["price.changed"] = "price.changed"
PROMOTION_CHANGED: Literal["promotion.changed"] = "promotion.changed"
CATEGORY_CHANGED: Literal["category.changed"] = "category.changed"
CATEGORIES = "categories"
"""Subject of `category.changed`."""


class ProductChanged(BaseModel):
    """A product was created or changed in any way, its price included: its whole state afterwards."""

    model_config = ConfigDict(frozen=True)

    product: Product


class PriceChanged(BaseModel):
    """A product has another price. It comes right before the `product.changed` of the same transaction."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID
    sku: str
    slug: str
    title: str
    """As it was then, so that a consumer need not ask."""
    old: Money
    new: Money


class PromotionChanged(BaseModel):
    """A promotion was made or changed: all of it afterwards. That its time begins or ends is no event."""

    model_config = ConfigDict(frozen=True)

    promotion: Promotion


class CategoryChanged(BaseModel):
    """A category was made, or has another title, parent or position."""

    model_config = ConfigDict(frozen=True)

    category: Category
