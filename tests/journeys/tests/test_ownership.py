"""What is somebody's is nobody else's, whichever route is tried."""

from uuid import uuid4

import httpx
import pytest
from shop_chassis.testing.trespass import SOMETHING, Attempt, attempts
from shop_journeys.api import Json
from shop_journeys.shop import Shop
from shop_journeys.shopper import Shopper
from shop_journeys.waiting import eventually

STREET = "Ann's Own Lane 5"
WISHES = "Wishes of Ann's Own"
OTHERWISE = {"testgateway", "storefront", "mailbox"}
"""Whom shoppers show no token: another firm, one that knows them by a cookie, where all mails lie open."""


class Belongings:
    """All kinds of things that somebody can have, and how they stand."""

    def __init__(self, shop: Shop) -> None:
        self.ann = shop.register("Ann Trespassed-Upon")
        self.ann.address["line1"] = STREET
        user = self.ann.at("user")
        address = user.post("/me/addresses", {"address": self.ann.address}, status=201)
        self.card = shop.card()
        card = {"gateway": "test", "token": self.card, "brand": "visa", "last4": "4242", "expires": "2035-12"}
        method = user.post("/me/payment-methods", card, status=201)
        [session] = user.get("/me/sessions")["items"]
        lamp = shop.product()
        self.ann.add(lamp)
        self.sent = self.ann.order()
        self.ann.until(self.sent, "shipped")
        shop.deliver(self.sent)
        self.ann.until(self.sent, "delivered")
        self.returned = self.ann.send_back(self.sent, lamp, 1)["id"]
        self.ann.add(lamp, 2)
        self.ordered = self.ann.order()
        self.ann.add(lamp, 3)
        self.ann.wish(lamp)
        self.ann.watch(lamp)
        self.listed = self.ann.at("wishlist").get("/wishlists/default")["id"]
        self.ann.at("wishlist").put(f"/wishlists/{self.listed}", {"title": WISHES})
        self.ids = {
            "wishlists": self.listed,
            "items": lamp.id,
            "watches": lamp.id,
            "addresses": address["id"],
            "payment-methods": method["id"],
            "sessions": session["id"],
            **dict.fromkeys(("products", "similar", "bought-together"), lamp.id),
            "lines": lamp.id,
            "carts": self.ann.subject,
            "orders": self.sent,
            "shipments": self.sent,
            "returns": self.returned,
            "inbox": self._told(shop),
        }

    def _told(self, shop: Shop) -> str:
        """A message in the inbox; nobody's where the shop has none."""
        if "notification" not in shop.services:
            return SOMETHING
        inbox = self.ann.at("notification")
        return str(eventually(lambda: inbox.get("/inbox")["items"] or None, "a message")[0]["id"])

    @property
    def secrets(self) -> set[str]:
        """Words that are in no answer to anybody else."""
        return {"Trespassed-Upon", STREET, WISHES, self.ann.email, self.card}

    def now(self) -> Json:
        """All that only Ann may change."""
        user, cart = self.ann.at("user"), self.ann.at("cart").get("/carts/me")
        wishes = self.ann.at("wishlist").get(f"/wishlists/{self.listed}")
        orders = [self.ann.read(order) for order in (self.sent, self.ordered)]
        return {
            **{
                name: user.get(f"/me{name}")
                for name in ("", "/addresses", "/payment-methods", "/preferences")
            },
            "lines": [(line["product_id"], line["quantity"]) for line in cart["lines"]],
            "coupon": cart["coupon"],
            "wishes": (wishes["title"], wishes["version"], wishes["shared"]),
            "watches": [each["since"] for each in self.ann.at("wishlist").get("/watches")["items"]],
            "orders": [
                (order["cancellation"], [each["id"] for each in order["returns"]])
                for order in orders
                if order
            ],
        }


@pytest.fixture(scope="module")
def belongings(shop: Shop) -> Belongings:
    return Belongings(shop)


def all_tries(shop: Shop, belongings: Belongings) -> list[tuple[str, Attempt]]:
    names = sorted(shop.services - OTHERWISE)
    documents = {name: shop.api(name).get("/openapi.json") for name in names}
    return [(name, each) for name in names for each in attempts(documents[name], belongings.ids)]


def tried(shop: Shop, service: str, who: Shopper, attempt: Attempt) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
    # Who tries may end their own session by it, so the token is a new one each time.
    api = shop.api(service, shop.token(who.subject, "shop"))
    return api.try_(attempt.method, attempt.path, headers=headers, json=attempt.body)


def test_everybody_reads_what_is_theirs(shop: Shop, belongings: Belongings) -> None:
    """So what others try below is there."""
    mine = [belongings.ids[kind] for kind in ("addresses", "orders", "returns", "wishlists")]
    tries = [(name, each) for name, each in all_tries(shop, belongings) if each.method == "GET"]
    read = [(name, each) for name, each in tries if any(id in each.path for id in mine)]
    assert len(read) >= 4
    for service, attempt in read:
        answer = tried(shop, service, belongings.ann, attempt)
        assert answer.status_code == 200, f"{service}, {attempt}: {answer.status_code} {answer.text[:300]}"


def test_nobody_reads_or_changes_what_is_anothers(shop: Shop, belongings: Belongings) -> None:
    other, before = shop.register("Ben Curious"), belongings.now()
    tries = all_tries(shop, belongings)
    tries += [
        (name, each._replace(path=each.path.replace(belongings.sent, belongings.ordered)))
        for name, each in tries
        if belongings.sent in each.path
    ]
    assert len(tries) > 50
    # Who has closed their account has no more rights than before; so that comes last.
    tries.sort(key=lambda each: (each[1].method, each[1].path) == ("DELETE", "/me"))
    told = []
    for service, attempt in tries:
        answer = tried(shop, service, other, attempt)
        if answer.status_code >= 500 or any(word in answer.text for word in belongings.secrets):
            told.append(f"{service}, {attempt}: {answer.status_code} {answer.text[:300]}")
    assert not told, "\n".join(told)
    assert belongings.now() == before
