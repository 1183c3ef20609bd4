"""Recommendation's HTTP API.

| route | answers |
|---|---|
| `GET /recommendations?slot=&product_id=&limit=` | for this shopper, at this place of the shop |
| `GET /similar/{product_id}?limit=` | what could be taken instead |
| `GET /bought-together/{product_id}?limit=` | what is bought with it |
| `GET /popular?category=&limit=` | what most shoppers look at and buy now |
| `GET /recently-viewed?limit=` | what this shopper looked at, last first |
| `GET /admin/model`, `POST /admin/train` | the model in use; a new one (`recommendation:admin`) |

No route needs a token but the admin's. The shopper is the subject of a token with the scope `shop` or
`guest`, else the header `X-Visitor`: the `visitor` of the page views. Answers hold ids: catalog has the
products.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

VISITOR = "X-Visitor"
"""Header with the `visitor` of `storefront.page.viewed`, for shoppers without a token."""

MOST = 50
"""Recommendations that one answer may have."""

Slot = Literal["home", "product", "cart"]
"""Where they are shown: `product` and `cart` with the products that are there as `product_id`."""

Why = Literal["because_bought", "because_viewed", "similar", "bought_together", "popular", "new"]
"""The first four name the product that is the reason; `because_viewed` also stands for one in the cart."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reason(_Model):
    """Why a product is recommended, for a line such as "because you bought …"."""

    kind: Why
    product_id: UUID | None = None
    title: str | None = None
    """Of that product, as catalog told it last."""


class Recommendation(_Model):
    """One product, and why."""

    product_id: UUID
    reason: Reason
    score: float = Field(ge=0)
    """Orders the items of one answer; says nothing across answers."""


class Recommendations(_Model):
    """Best first; without the products asked about and, on `home`, without what the shopper has bought."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "product_id": "019b77e0-0000-7000-8000-000000000002",
                        "reason": {
                            "kind": "because_bought",
                            "product_id": "019b77e0-0000-7000-8000-000000000001",
                            "title": "Oak desk lamp",
                        },
                        "score": 0.82,
                    }
                ],
                "model": 17,
            }
        },
    )

    items: list[Recommendation]
    model: int | None = Field(default=None, ge=1)
    """Version of the model that answered; None before the first one is trained."""


class Viewed(_Model):
    """A product that the shopper looked at."""

    product_id: UUID
    title: str
    viewed_at: AwareDatetime


class RecentlyViewed(_Model):
    """Last first, each product once."""

    items: list[Viewed]


class Model(_Model):
    """What is known of a model."""

    version: int = Field(ge=1)
    trained_at: AwareDatetime
    products: int = Field(ge=0)
    shoppers: int = Field(ge=0)
    """Whose interactions it was made of."""
    interactions: int = Field(ge=0)
    bytes: int = Field(ge=0)
    """As it is stored."""
    seconds: float = Field(ge=0)
    """That training took."""


class ModelState(_Model):
    """The model of the replica that answers."""

    loaded: Model | None = None
    latest: Model | None = None
    """The newest one that was trained."""
    refused: str | None = None
    """Why the newest cannot be used, when it cannot: the one before goes on answering."""
    training: bool = False
    """Whether one is being trained that this replica was asked for."""


class TrainingRequested(_Model):
    """Training begins, or has begun; `GET /admin/model` shows when it is done."""

    state: Annotated[Literal["started", "running"], Field(examples=["started"])]
