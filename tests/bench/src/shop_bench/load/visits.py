"""What people do in the shop, and how long they think in between.

Each visit is one function of a visitor. It ends early when the shop refuses something that cannot be done
without, or does not answer; what was wrong is in the samples.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from shop_journeys.shopper import RESTING, Shopper

from shop_bench.load.door import Door

SPREAD = 0.6
"""Of the logarithm of a think time: a third of people take more than half as long again as the median."""
LONGEST_THOUGHT = 30.0
FOLLOW_SECONDS = 60.0
"""For how long a buyer looks whether the order rests; one that does not by then has failed."""


@dataclass(frozen=True)
class Goods:
    """What can be looked at, and what is on sale."""

    products: Sequence[str]
    categories: Sequence[str]
    bargain: str

    @classmethod
    def of(cls, page: Mapping[str, Any], tree: Mapping[str, Any]) -> Goods:
        """From catalog's first page and its categories; raises ValueError when there is nothing to sell."""
        sold = [each["id"] for each in page["items"] if each["available"] != 0]
        if not sold:
            raise ValueError("catalog has nothing that can be bought: `make up`, or `shop seed`, fills it")
        # The one that most can be had of: a sale that is sold out is over.
        most = max(page["items"], key=lambda each: each["available"] or 0)
        return cls(sold, [each["slug"] for each in tree["items"]], most["id"])


@dataclass(frozen=True)
class Visitor:
    """Somebody who has come."""

    door: Door
    goods: Goods
    chance: random.Random
    pace: float = 1.0
    """Of think times: 0.1 is somebody ten times as quick."""

    def think(self, median: float) -> None:
        """A log-normal time of this median, in seconds."""
        seconds = min(LONGEST_THOUGHT, median * self.chance.lognormvariate(0, SPREAD))
        self.door.think(seconds * self.pace)

    def product(self) -> str:
        """One of the first page: the early ones are looked at most, as rank⁻¹ (Zipf)."""
        weights = [1 / rank for rank in range(1, len(self.goods.products) + 1)]
        return self.chance.choices(self.goods.products, weights)[0]


def glance(visitor: Visitor) -> None:
    """A link led to a product: three requests of catalog, soon after one another."""
    catalog, product = visitor.door.api("catalog"), visitor.product()
    catalog.get(f"/products/{product}")
    visitor.think(0.3)
    catalog.get(f"/products/{product}/relations")
    visitor.think(0.3)
    catalog.get("/products", limit=20)


def browse(visitor: Visitor) -> None:
    """Looks around: lists, categories, some products and what they cost before; sometimes searches."""
    catalog = visitor.door.api("catalog")
    catalog.get("/categories")
    asked: dict[str, Any] = {"limit": 20, "sort": visitor.chance.choice(("newest", "price"))}
    page = catalog.get("/products", **asked)
    for _ in range(visitor.chance.randint(1, 5)):
        visitor.think(3)
        wish = visitor.chance.random()
        if wish < 0.6 and page["items"]:
            product = visitor.chance.choice(page["items"])["id"]
            catalog.get(f"/products/{product}")
            catalog.get(f"/products/{product}/relations")
        elif wish < 0.7:
            catalog.get(f"/products/{visitor.product()}/prices")
        elif wish < 0.8 and page["items"]:
            words = visitor.chance.choice(page["items"])["title"].split()
            visitor.door.api("search").get("/search", q=visitor.chance.choice(words), limit=20)
        elif wish < 0.92 and visitor.goods.categories:
            asked = {"limit": 20, "category": visitor.chance.choice(visitor.goods.categories)}
            page = catalog.get("/products", **asked)
        elif page["next"]:
            # A cursor is one of the list that it came with.
            page = catalog.get("/products", **asked, after=page["next"])


def fill(visitor: Visitor) -> None:
    """Puts something into a guest's cart, looks at it, changes the quantity, and goes."""
    product = visitor.product()
    visitor.door.api("catalog").get(f"/products/{product}")
    visitor.think(4)
    _into_a_cart(visitor, product)


def bargain(visitor: Visitor) -> None:
    """Wants the one product that is on sale, before others have it: catalog and cart alone."""
    product = visitor.goods.bargain
    visitor.door.api("catalog").get(f"/products/{product}")
    visitor.think(1)
    _into_a_cart(visitor, product)


def _into_a_cart(visitor: Visitor, product: str) -> None:
    cart = visitor.door.api("cart")
    mine = f"/carts/{cart.post('/carts')['id']}"
    line, key = {"product_id": product, "quantity": 1}, str(uuid4())
    # Sold out is no fault of the shop, and nothing is left to do then.
    if not cart.try_("POST", f"{mine}/lines", json=line, headers={"Idempotency-Key": key}).is_success:
        return
    visitor.think(2)
    cart.get(mine)
    if visitor.chance.random() < 0.4:
        visitor.think(2)
        cart.try_("PUT", f"{mine}/lines/{product}", json={"quantity": 2})


def buy(visitor: Visitor) -> None:
    """A guest's whole purchase, until the order rests or patience ends."""
    tokens = visitor.door.api("user").post("/guests")
    email = f"{uuid4().hex[:12]}@guest.example"
    shopper = Shopper(visitor.door, tokens["access_token"], tokens["subject"], email)
    product = visitor.product()
    visitor.door.api("catalog").get(f"/products/{product}")
    visitor.think(4)
    # A guest's cart is their own by its secret id; `me` is that of a user.
    cart = visitor.door.api("cart").post("/carts")["id"]
    line = {"product_id": product, "quantity": 1}
    added = shopper.at("cart").try_(
        "POST", f"/carts/{cart}/lines", json=line, headers={"Idempotency-Key": str(uuid4())}
    )
    if not added.is_success:
        return
    visitor.think(3)
    preview = shopper.at("order-taking").try_(
        "POST", "/orders:preview", json={"cart_id": cart, "shipping_address": shopper.address}
    )
    if not preview.is_success:
        return
    visitor.think(6)
    placed = shopper.try_order(cart_id=cart)
    if placed.status_code != 202:
        return
    order, waited = str(placed.json()["order_id"]), 0.0
    while waited < FOLLOW_SECONDS:
        visitor.door.think(2.0)
        waited += 2.0
        found = shopper.read(order)
        if found is not None and found["state"] in RESTING:
            return
    visitor.door.left(f"an order that does not rest after {FOLLOW_SECONDS:.0f} s")


def errand(visitor: Visitor) -> None:
    """Asks services that a sale on one product does not concern: a look at how the others do."""
    door = visitor.door
    door.api("warehouse").get("/availability", id=visitor.product())
    visitor.think(0.5)
    parcel = {"country": "DE", "postal_code": "10115", "lines": [{"quantity": 2, "weight_grams": 750}]}
    door.api("logistics").ask("POST", "/quotes", json=parcel)
    visitor.think(0.5)
    door.api("user").post("/guests")


VISITS: dict[str, Callable[[Visitor], None]] = {
    one.__name__: one for one in (glance, browse, fill, bargain, buy, errand)
}
REQUESTS = {"glance": {"catalog": 3}, "errand": {"warehouse": 1, "logistics": 1, "user": 1}}
"""How many of which service a visit makes that always makes the same."""


def visit(kind: str, visitor: Visitor) -> None:
    """All of it; the door is closed then."""
    try:
        VISITS[kind](visitor)
    except (httpx.HTTPError, AssertionError) as error:
        visitor.door.left(str(error) or type(error).__name__)
    finally:
        visitor.door.close()
