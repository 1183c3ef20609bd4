"""The storefront's events, stream `storefront`. Best effort: published without an outbox, one may be missing.

The aggregate, and the event's subject, is the view itself: the event's `subject` is its own `id`, its
`sequence` is 1, and nothing can be said of the order of two.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.catalog.api import Slug

STREAM = "storefront"
PAGE_VIEWED: Literal["page.viewed"] = "page.viewed"

Visitor = Annotated[str, Field(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""A random name of a browser's session. It is no cookie and opens nothing but what this browser looked at;
it stays the same when its shopper signs in."""


class PageViewed(BaseModel):
    """A browser was shown a page."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "subject": None,
                "visitor": "f3Vb0QbO2r8dW1sT5kXyZg",
                "product_id": "019b77e0-0000-7000-8000-000000000001",
                "category": "lighting",
                "page": "product",
                "at": "2026-11-21T18:30:00Z",
            }
        },
    )

    subject: Annotated[str, Field(max_length=128)] | None = None
    """The `sub` of the shopper's token, a guest's too; None without a token."""
    visitor: Visitor
    product_id: UUID | None = None
    """Of a product's page."""
    category: Slug | None = None
    """Of a category's page, and of a product's: the one that it is in."""
    page: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    """Which kind of page: `home`, `category`, `product`, `search`, `cart`, …"""
    at: AwareDatetime
