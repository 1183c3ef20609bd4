"""Order-taking's HTTP API.

| route | does |
|---|---|
| `POST /orders:preview` | what an order would cost, and how it can be sent; changes nothing |
| `POST /orders` | takes the order; the same `Idempotency-Key` again is the same order |
| `/admin/tax/{country}` | what is added to prices, or contained in them |

What can be read of an order afterwards is order-processing's.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shop_contracts.address import Address, Country
from shop_contracts.logistics.api import Option, QuotedOption
from shop_contracts.money import Money
from shop_contracts.user.api import Email

CART_EMPTY = "cart-empty"
"""There is nothing in the cart, or no such cart (422)."""
NOT_SOLD = "not-sold"
"""Products that the member `products` names are not sold any more, or not in this currency (409)."""
OUT_OF_STOCK = "out-of-stock"
"""There is less than was asked for: the member `shortages`, a list of Shortage, says of what (409)."""
COUPON_REFUSED = "coupon-refused"
"""The coupon cannot be used; the member `reason` is catalog's (422)."""
NOT_DELIVERABLE = "not-deliverable"
"""Nothing is sold to that country, or nobody takes it there in that way (422)."""
REGION_UNKNOWN = "region-unknown"
"""The country is taxed by region, and the address names none of them; `regions` has all (422)."""
TOTAL_CHANGED = "total-changed"
"""It does not come to `expected_total` any more; the member `figures` says to what (409)."""

SHIPPING = "shipping"
"""The category by which the tax on shipping is found."""

CartId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["me"])]
"""`me` for the cart of the token's user, or the secret id of a guest's cart."""
Coupon = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,40}$", examples=["WELCOME10"])]
PaymentMethod = Annotated[
    str, Field(pattern=r"^[A-Za-z]{2,10}_[A-Za-z0-9_-]+$", max_length=128, examples=["tok_visa"])
]
"""The gateway's token for a way to pay; never a card number."""
Locale = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", examples=["en"])]
"""Of messages and the invoice: ISO 639-1, with or without a country."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderLine(_Model):
    """A product as it was ordered; nothing of it changes afterwards."""

    product_id: UUID
    sku: str
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    """As in catalog: with tax where prices include it, without it elsewhere."""
    discount: Money
    """Of the whole line, in the terms of `unit_price`."""
    tax: Money
    """Of the whole line: contained in its total in either case."""
    total: Money
    """What is paid for the line: price less discount, and the tax where prices do not include it."""
    weight_grams: int = Field(ge=0)
    """Of one piece."""


class Figures(_Model):
    """What an order comes to. It holds, everywhere and to the last cent:

    `subtotal` = sum of `unit_price` × `quantity`; `discount` = sum of the lines';
    `tax` = sum of the lines' + `shipping_tax`;
    `total` = `subtotal` - `discount` + `shipping`, and + `tax` where prices do not include it;
    `total` = sum of the lines' + `shipping`, and + `shipping_tax` where prices do not include it.
    """

    lines: list[OrderLine] = Field(min_length=1)
    subtotal: Money
    discount: Money
    shipping: Money
    """As quoted, in the terms of the prices: with tax where they include it."""
    shipping_tax: Money
    tax: Money
    total: Money
    """What the shopper pays."""
    prices_include_tax: bool


class Shortage(_Model):
    """There is less of a product than was asked for."""

    product_id: UUID
    wanted: int
    available: int


class PreviewRequest(BaseModel):
    """An order as far as the shopper has come."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "cart_id": "me",
                "shipping_address": {
                    "name": "Ann Example",
                    "line1": "Lindenallee 12",
                    "city": "Berlin",
                    "postal_code": "10115",
                    "country": "DE",
                },
                "coupon": "WELCOME10",
            }
        },
    )

    cart_id: CartId
    shipping_address: Address
    shipping_option: Option | None = None
    """None: the cheapest."""
    coupon: Coupon | None = None


class Preview(Figures):
    """What the order would come to, now."""

    shipping_option: Option
    """The one that `shipping` is of."""
    options: list[QuotedOption]
    """All that can be chosen."""
    shortages: list[Shortage] = []
    """What could not be delivered now; with any of them the order would be refused."""
    availability_known: bool = True
    """False: warehouse does not answer; an order would be taken, and checked when it is processed."""


class NewOrder(BaseModel):
    """What a shopper sends to order what is in a cart."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "cart_id": "me",
                "email": "ann@example.com",
                "shipping_address": {
                    "name": "Ann Example",
                    "line1": "Lindenallee 12",
                    "city": "Berlin",
                    "postal_code": "10115",
                    "country": "DE",
                },
                "shipping_option": "standard",
                "payment_method": "tok_visa",
                "expected_total": {"amount": 5390, "currency": "EUR"},
            }
        },
    )

    cart_id: CartId
    email: Email
    shipping_address: Address
    billing_address: Address | None = None
    """None: the same."""
    shipping_option: Option
    payment_method: PaymentMethod
    coupon: Coupon | None = None
    expected_total: Money | None = None
    """The total that the shopper was shown; another one now is 409 `total-changed`. None: whatever it is."""
    locale: Locale = "en"


class AcceptedOrder(Figures):
    """The order is taken: it will be fulfilled or cancelled, and the shopper told which."""

    order_id: UUID
    state: Literal["accepted"] = "accepted"


class TaxRate(_Model):
    """A rate, and what it is for. Of those that fit, one for the category goes before one for the region."""

    region: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, to_upper=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"
        ),
        Field(examples=["NY"]),
    ] = ""
    """As in addresses, in capitals; empty: all of the country."""
    category: Annotated[str, Field(pattern=r"^[a-z0-9-]*$", max_length=120, examples=["books"])] = ""
    """Catalog's slug, or `shipping`; empty: everything."""
    basis_points: Annotated[int, Field(ge=0, le=10_000, examples=[1900])]
    """Hundredths of a percent: 1900 is 19 %."""


class CountryTax(_Model):
    """How a country taxes what is sent to it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "prices_include_tax": True,
                "by_region": False,
                "rates": [{"basis_points": 1900}, {"category": "books", "basis_points": 700}],
            }
        },
    )

    prices_include_tax: bool
    """True: catalog's prices are what the shopper pays, tax contained; False: tax is added to them."""
    by_region: bool = False
    """True: an address must name one of the regions that the rates name."""
    rates: list[TaxRate] = Field(max_length=1000)

    @model_validator(mode="after")
    def _says_something_of_everything(self) -> "CountryTax":
        named = [(rate.region, rate.category) for rate in self.rates]
        if len(set(named)) < len(named):
            raise ValueError("rates: expected each region and category once")
        regions = {region for region, _ in named if region}
        if self.by_region and not regions:
            raise ValueError("rates: expected one for each region, as by_region says")
        general = {region for region, category in named if not category}
        places = regions if self.by_region else {""}
        if "" not in general and (missing := places - general):
            what = ", ".join(sorted(missing)) or "all of the country"
            raise ValueError(f"rates: expected one without category for {what}")
        return self


class TaxedCountry(CountryTax):
    """A row of the tax table."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "example": {
                "country": "DE",
                "version": 1,
                "prices_include_tax": True,
                "rates": [{"basis_points": 1900}],
            }
        },
    )

    country: Country
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class TaxTable(_Model):
    """The countries that are sold to, by name."""

    items: list[TaxedCountry]
    next: str | None = None
