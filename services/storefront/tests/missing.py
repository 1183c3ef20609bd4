"""What a shopper sees while a neighbour is missing: pages and the words on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shop import demo

from .browser import Window
from .test_browser import LAMP

PRODUCT = f"/p/{LAMP.slug}"
NOT_KNOWN = "0198f0a0-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Seen:
    """A page and the words on it."""

    path: str
    """With `{order}`, `{wishlist}`, `{shared}` of the customer's."""
    says: tuple[str, ...] = ()
    """Of what is missing."""
    has: tuple[str, ...] = ()
    """Of the rest."""
    lacks: tuple[str, ...] = ()
    status: int = 200
    does: Callable[[Window], None] | None = None
    """What somebody tries there."""
    guest: bool = False
    """Of somebody who is not signed in."""

    def holds(self, seen: Window) -> bool:
        """Whether the page says all that it should."""
        text = seen.page.inner_text("body")
        return all(words in text for words in (*self.says, *self.has))


def gone(path: str) -> Seen:
    """A page that is about what is missing."""
    said = ("A part of the shop does not answer", "Your cart and your orders are safe", "Try again")
    return Seen(path, said, ("To the front page",), status=503)


def gone_at_desk(service: str, path: str) -> Seen:
    """A page of the admin area that is about what is missing."""
    said = (f"{service} does not answer", "the runbooks say under CircuitOpen what to do", "Try again")
    return Seen(path, said, ("Overview",), status=503)


def types(seen: Window) -> None:
    with seen.page.expect_response("**/suggest?*") as suggested:
        seen.page.get_by_role("combobox", name="Search").fill("lam")
    assert suggested.value.ok
    assert seen.page.locator("#notices").inner_text() == ""


def presses(button: str, then: str) -> Callable[[Window], None]:
    def press(seen: Window) -> None:
        seen.page.get_by_role("button", name=button).first.click()
        seen.says(then)

    return press


def signs_in(seen: Window) -> None:
    seen.page.get_by_label("E-mail").fill(demo.SHOPPER[0])
    seen.page.get_by_label("Password").fill(demo.SHOPPER[1])
    seen.page.get_by_role("button", name="Sign in").click()
    seen.says("A part of the shop does not answer")


WITHOUT: Mapping[str, Mapping[str, Seen]] = {
    "search": {
        "search": Seen(
            "/search?q=lamp", ("The search does not answer right now", "Try again"), ("What others like",)
        ),
        "category": Seen("/c/lighting", ("Filters are not there at the moment",), ("Desk lamps", "Sort by")),
        "suggestions": Seen("/", has=("New in",), does=types),
        "admin-products": Seen("/admin/products?q=lamp", ("Search does not answer",), ("New product",)),
        "admin-engines": Seen(
            "/admin/engines", ("Search does not answer right now.",), ("The model of recommendations",)
        ),
    },
    "recommendation": {
        "home": Seen("/", has=("New in", "The whole shop", "You looked at"), lacks=("What others like",)),
        "product": Seen(PRODUCT, has=("Add to cart", "About it"), lacks=("Similar",)),
        "cart": Seen("/cart", has=(LAMP.title, "Summary"), lacks=("Goes well with these",)),
        "search-empty": Seen(
            "/search?q=xyzzyqwerty", has=("Nothing fits that",), lacks=("What others like",)
        ),
        "admin-engines": Seen(
            "/admin/engines", ("Recommendation does not answer right now.",), ("Products in it",)
        ),
    },
    "wishlist": {
        "product": Seen(PRODUCT, has=("Add to cart", "About it"), lacks=("wishlist",)),
        "wishlists": gone("/wishlists"),
        "wishlist": gone("/wishlists/{wishlist}"),
        "shared": gone("/shared/{shared}"),
    },
    "notification": {
        "inbox": gone("/inbox"),
        "home": Seen("/", has=("You looked at", "New in")),
        "notifications": gone("/account/notifications"),
        "unsubscribe": gone("/unsubscribe/nonsense"),
        "admin": Seen("/admin", ("Does not answer right now",), ("Mails of unknown fate", "Last orders")),
        "admin-campaigns": gone_at_desk("notification", "/admin/campaigns"),
    },
    "catalog": {
        "home": Seen(
            "/",
            ("The shelves cannot be shown right now.",),
            ("Search the shop",),
            lacks=("New in", "What others like", "You looked at"),
        ),
        "product": gone(PRODUCT),
        "category": Seen("/c/desk-lamps", has=("Desk lamps", "Sort by")),
        "search": Seen("/search?q=lamp", has=("products", "Sort by")),
        "cart": Seen("/cart", has=(LAMP.title, "Summary", "To the checkout")),
        "delivery": Seen("/checkout/delivery", has=("How shall it come?", "So far")),
        "order": Seen("/orders/{order}", has=("The parcel",)),
        "wishlist": Seen("/wishlists/{wishlist}", has=(LAMP.title, "Into the cart")),
        "shared": Seen("/shared/{shared}", has=(LAMP.title, "Into the cart")),
        "admin-products": gone_at_desk("catalog", "/admin/products"),
        "admin-stock": Seen("/admin/stock", has=("On hand",)),
    },
    "cart": {
        "cart": gone("/cart"),
        "checkout": gone("/checkout"),
        "delivery": gone("/checkout/delivery"),
        "review": gone("/checkout/review"),
        "wishlist": Seen("/wishlists/{wishlist}", has=(LAMP.title,)),
    },
    "user": {
        "checkout": Seen(
            "/checkout", ("Your address book does not answer right now.",), ("Where shall it go?",)
        ),
        "payment": Seen(
            "/checkout/payment",
            ("The cards of your account cannot be shown right now.",),
            ("Visa ···· 4242", "To the review"),
        ),
        "sign-in": Seen("/sign-in", ("Try again",), status=503, does=signs_in, guest=True),
        "account": gone("/account"),
        "addresses": gone("/account/addresses"),
        "payment-methods": gone("/account/payment-methods"),
        "preferences": gone("/account/preferences"),
        "orders": Seen("/orders", has=("Order of", "Overview")),
    },
    "order-taking": {
        "delivery": gone("/checkout/delivery"),
        "review": gone("/checkout/review"),
    },
    "order-processing": {
        "account": Seen(
            "/account",
            ("Your orders cannot be shown right now. They are safe",),
            ("Where you are signed in",),
        ),
        "thanks": Seen(
            "/checkout/thanks", ("In a moment you can see here how far it is.",), ("Your order is taken.",)
        ),
        "orders": gone("/orders"),
        "order": gone("/orders/{order}"),
        "return": gone("/orders/{order}/return"),
        "admin": Seen("/admin", ("Orders do not answer right now.",), ("Stuck sagas",)),
        "admin-orders": gone_at_desk("order-processing", "/admin/orders"),
        "admin-sagas": gone_at_desk("order-processing", "/admin/sagas"),
    },
    "logistics": {
        "order": Seen("/orders/{order}", ("Where it is cannot be shown right now.",), ("The parcel", "What")),
        "label": gone(f"/orders/{{order}}/returns/{NOT_KNOWN}/label"),
        "admin-shipments": gone_at_desk("logistics", "/admin/shipments"),
        "admin-order": Seen("/admin/orders/{order}", has=("What was ordered", "Shipment")),
    },
    "payment": {
        "admin": Seen("/admin", ("Does not answer right now",), ("Payments without an answer",)),
        "admin-payments": gone_at_desk("payment", "/admin/payments"),
        "admin-order": Seen("/admin/orders/{order}", has=("What was ordered", "Payment")),
    },
    "warehouse": {
        "admin-stock": gone_at_desk("warehouse", "/admin/stock"),
        "admin-replenishments": gone_at_desk("warehouse", "/admin/replenishments"),
        "admin": Seen("/admin", ("Does not answer right now",), ("Below their reorder point",)),
    },
}
"""By neighbour and page. A short run has the first page of each, a long one all."""
SORRY = "That did not work. Please try again."
LOST = {
    "cart": Seen(PRODUCT, (SORRY,), ("Add to cart",), does=presses("Add to cart", SORRY)),
    "wishlist": Seen(PRODUCT, (SORRY,), ("On your wishlist",), does=presses("On your wishlist", SORRY)),
    "order-taking": Seen(
        "/checkout/review",
        ("We cannot say yet whether your order was taken", "you pay once"),
        ("Send it once more",),
        status=503,
        does=presses("Order and pay", "We cannot say yet"),
    ),
}
"""By neighbour that goes away between a page and what somebody does there."""
REMEMBERED = {
    "home": Seen("/", has=("New in", "What others like", "The whole shop")),
    "category": Seen("/c/lighting", has=("Lighting", "Sort by")),
    "product": Seen(
        PRODUCT,
        ("Price and stock may have changed: the catalogue does not answer right now.",),
        (LAMP.title,),
    ),
}
"""Pages of which catalog had told before it went away."""
DEAF = {
    "home": ("recommendation", Seen("/", has=("New in",), lacks=("What others like",))),
    "product": (
        "wishlist",
        Seen(PRODUCT, has=("Add to cart", "About it"), lacks=("wishlist",)),
    ),
    "search": ("search", Seen("/search?q=lamp", ("The search does not answer right now",))),
}
"""By page: who takes its question and never answers."""
SLOWLY = 2.0
"""Times all deadlines of those pages: the whole page's, and its parts'."""
