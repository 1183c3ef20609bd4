"""Catalog's promotions and coupons: what may be taken off the prices of an order.

Promotions come first, coupons take their part of what is left: `promotions:price` and `coupons:check` each
answer with their own part, and both together never exceed a line.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from shop_contracts.catalog.api import BATCH_MAX, LINE, Slug, Title
from shop_contracts.money import MOST, Money

_LINE: JsonDict = {
    "product_id": "019b77e0-0000-7000-8000-000000000001",
    "quantity": 3,
    "unit_price": {"amount": 4900, "currency": "EUR"},
}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


def _above_zero(amount: Money) -> Money:
    if amount.amount <= 0:
        raise ValueError("expected an amount above 0")
    return amount


def _not_negative(amount: Money) -> Money:
    if amount.amount < 0:
        raise ValueError("expected an amount of 0 or more")
    return amount


class Percentage(_Model):
    """So many per cent off each line, half a cent rounded up."""

    type: Literal["percentage"] = "percentage"
    percent: int = Field(ge=1, le=100)


class AmountOff(_Model):
    """An amount off each piece, or off the order: then in proportion to its lines."""

    type: Literal["amount"] = "amount"
    amount: Annotated[Money, AfterValidator(_above_zero)]
    per: Literal["piece", "order"] = "order"


class NForM(_Model):
    """Of each `take` pieces only `pay` are paid; the cheapest ones are free."""

    type: Literal["n-for-m"] = "n-for-m"
    take: int = Field(ge=2, le=99)
    pay: int = Field(ge=1, le=98)

    @model_validator(mode="after")
    def _some_are_free(self) -> "NForM":
        if self.pay >= self.take:
            raise ValueError(f"expected pay below take, found {self.pay} for {self.take}")
        return self


Rule = Annotated[Percentage | AmountOff | NForM, Field(discriminator="type")]


class Terms(_Model):
    """What promotions and coupons have in common."""

    title: Title
    rule: Rule
    categories: list[Slug] = Field(default=[], max_length=50)
    """On their products, those of categories below included."""
    products: list[UUID] = Field(default=[], max_length=200)
    """On these as well; without categories and products it is on everything."""
    exclusive: bool = False
    """Promotion: where it applies nothing else does. Coupon: only on lines that have no promotion."""
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    """The first moment at which it is over."""
    active: bool = True

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> "Terms":
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("expected valid_from before valid_until")
        return self


class PromotionContent(Terms):
    """A promotion as an administrator gives it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Three mugs for two",
                "rule": {"type": "n-for-m", "take": 3, "pay": 2},
                "categories": ["kitchen"],
                "valid_from": "2027-01-01T00:00:00Z",
                "valid_until": "2027-02-01T00:00:00Z",
            }
        },
    )


class Promotion(Terms):
    """A price reduction that everybody gets."""

    id: UUID
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class PromotionPage(_Model):
    """A part of the promotions, newest first."""

    items: list[Promotion]
    next: str | None = None


class PromotionList(_Model):
    """All that are valid now."""

    items: list[Promotion]


CODE = r"^[A-Z0-9][A-Z0-9-]*$"


def normalised(code: str) -> str:
    """A coupon's code as it is kept: `welcome 10 ` is WELCOME10."""
    return "".join(code.split()).upper()


Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]*$", examples=["WELCOME10"])]
"""As a person types it: blanks and small letters do not matter."""


class CouponContent(Terms):
    """A coupon as an administrator gives it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "10 % off the first order",
                "rule": {"type": "percentage", "percent": 10},
                "minimum": {"amount": 5000, "currency": "EUR"},
                "limit": 1000,
                "limit_per_subject": 1,
            }
        },
    )

    minimum: Annotated[Money, AfterValidator(_not_negative)] | None = None
    """What the lines must come to after promotions, in this currency."""
    limit: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Orders that may use it."""
    limit_per_subject: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Orders of one user or guest that may use it."""


class Coupon(CouponContent):
    """A price reduction for whoever has the code."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=None)

    code: str = Field(pattern=CODE, max_length=40)
    uses: int = 0
    """Orders that have used it, or are about to."""
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class CouponPage(_Model):
    """A part of the coupons, by code."""

    items: list[Coupon]
    next: str | None = None


class PricedLine(_Model):
    """What somebody wants to buy, at catalog's price."""

    product_id: UUID
    quantity: int = Field(ge=1, le=9999)
    unit_price: Annotated[Money, AfterValidator(_not_negative)]


class PriceRequest(_Model):
    """Lines of one order: each product once, in one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"example": {"lines": [_LINE]}})

    lines: list[PricedLine] = Field(min_length=1, max_length=BATCH_MAX)

    @model_validator(mode="after")
    def _one_order(self) -> "PriceRequest":
        if len({line.product_id for line in self.lines}) < len(self.lines):
            raise ValueError("lines: expected each product once")
        if len(found := {line.unit_price.currency for line in self.lines}) > 1:
            raise ValueError(f"lines: expected one currency, found {', '.join(sorted(found))}")
        if sum(line.quantity * line.unit_price.amount for line in self.lines) > MOST:
            raise ValueError(f"lines: expected at most {MOST} in all")
        return self


class CouponCheck(PriceRequest):
    """Whether a coupon can be used for an order, and what it takes off."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"code": "welcome10", "subject": None, "lines": [_LINE]}},
    )

    code: Code
    subject: str | None = Field(default=None, max_length=200, pattern=LINE)
    """Of the shopper's token; without it the limit per subject is not looked at."""
    order_id: UUID | None = None
    """Of the order that is priced: what it holds already does not count against it."""


class LineDiscount(_Model):
    """What is taken off a line, above 0 and at most what it costs."""

    product_id: UUID
    discount: Money


class Discounts(_Model):
    """Lines that get nothing are left out."""

    discounts: list[LineDiscount]
    total: Money


class CouponDiscounts(Discounts):
    """The coupon's part, after promotions."""

    code: str
    """As it is kept."""


COUPON_REFUSED = "coupon-refused"
"""Problem type (422) of a coupon that cannot be used; the member `reason` is a CouponReason."""

CouponReason = Literal[
    "unknown", "not-valid-now", "used-up", "used-by-subject", "below-minimum", "nothing-to-discount"
]


class CouponUseRequest(_Model):
    """An order uses a coupon."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"code": "WELCOME10", "subject": "019b77e0", "final": False}},
    )

    code: Code
    subject: str = Field(min_length=1, max_length=200, pattern=LINE)
    final: bool
    """False: held for an hour, if the coupon can be used. True: counted for good, never refused."""


class CouponUse(_Model):
    """The use of a coupon by one order."""

    order_id: UUID
    code: str | None = None
    """None where the order was given up before anything was known of its coupon."""
    subject: str | None = None
    state: Literal["held", "final", "lapsed", "released"]
    """Held and final ones count against the limits. Released is the last word: nothing brings a use back."""
    expires_at: AwareDatetime | None = None
    """Of one that is held."""


class CouponUsePage(_Model):
    """A part of the uses of a coupon, newest first."""

    items: list[CouponUse]
    next: str | None = None
