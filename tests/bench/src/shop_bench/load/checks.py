"""What an answer has to say to be a right one, beside its status: pure functions of request and answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Json = Any
Query = Mapping[str, str]

_ID = re.compile(r"(?<=/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CART = re.compile(r"(?<=^/carts/)[^/:]+")


def route(path: str) -> str:
    """A path without what tells one thing from another: `/carts/{cart}/lines/{id}`."""
    return _CART.sub("{cart}", _ID.sub("{id}", path))


def fault(service: str, method: str, path: str, query: Query, sent: Json, status: int, body: Json) -> str:
    """What is wrong with an answer; nothing with a right one.

    A refusal with a status below 500 is an answer too, and whoever asked has to live with it. 429 is not: the
    shop would have turned a shopper away.
    """
    if status >= 500 or status == 429:
        return f"status {status}"
    if status >= 300:
        return ""
    check = CHECKS.get((service, method, route(path)))
    if check is None:
        return ""
    try:
        return check(path, query, sent, body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"not as its contract says: {type(error).__name__} {error}"


def product_page(path: str, query: Query, sent: Json, body: Json) -> str:
    """At most as many as asked for, each once, all of them sold, by price if so asked."""
    items = body["items"]
    ids = [each["id"] for each in items]
    prices = [each["price"]["amount"] for each in items]
    if len(items) > int(query.get("limit", 20)):
        return f"{len(items)} products, more than asked for"
    if len(set(ids)) != len(ids):
        return "a product twice in one page"
    if not all(each["active"] for each in items):
        return "a product in a list that is not sold"
    if query.get("sort") == "price" and prices != sorted(prices):
        return "not in the order of prices"
    return ""


def one_product(path: str, query: Query, sent: Json, body: Json) -> str:
    """The one that was asked for, at a price."""
    if body["id"] != path.rpartition("/")[2]:
        return "another product"
    return "" if body["price"]["amount"] >= 0 else "a price below 0"


def price_history(path: str, query: Query, sent: Json, body: Json) -> str:
    """At least the present price, newest first."""
    since = [datetime.fromisoformat(each["since"]) for each in body["items"]]
    if not since:
        return "no price at all"
    return "" if since == sorted(since, reverse=True) else "prices not newest first"


def category_tree(path: str, query: Query, sent: Json, body: Json) -> str:
    """Parents come before their children."""
    seen: set[str] = set()
    for each in body["items"]:
        if each["parent"] is not None and each["parent"] not in seen:
            return "a category before its parent"
        seen.add(each["slug"])
    return ""


def cart(path: str, query: Query, sent: Json, body: Json) -> str:
    """Lines, pieces and sums add up; and if a quantity was set, it is that."""
    sold = [line for line in body["lines"] if line["available"]]
    for line in body["lines"]:
        if line["total"]["amount"] != line["unit_price"]["amount"] * line["quantity"]:
            return "a line that is not its price times its quantity"
    if body["item_count"] != sum(line["quantity"] for line in sold):
        return "pieces that do not add up"
    if _amount(body["subtotal"]) != sum(line["total"]["amount"] for line in sold):
        return "a subtotal that is not the sum of the lines"
    if _amount(body["total"]) != _amount(body["subtotal"]) - _amount(body["discount"]):
        return "a total that is not subtotal less discount"
    return ""


def set_line(path: str, query: Query, sent: Json, body: Json) -> str:
    """Exactly the quantity that was set."""
    product = path.rpartition("/")[2]
    found = [line["quantity"] for line in body["lines"] if line["product_id"] == product]
    if found != [sent["quantity"]]:
        return "another quantity than was set"
    return cart(path, query, sent, body)


def added_line(path: str, query: Query, sent: Json, body: Json) -> str:
    """What was added is there, at least as much of it."""
    found = [line["quantity"] for line in body["lines"] if line["product_id"] == sent["product_id"]]
    if len(found) != 1 or found[0] < sent["quantity"]:
        return "what was added is not in the cart"
    return cart(path, query, sent, body)


def order_figures(path: str, query: Query, sent: Json, body: Json) -> str:
    """What `Figures` of order-taking's contract promises, to the last cent."""
    lines = body["lines"]
    added = not body["prices_include_tax"]
    subtotal = sum(line["unit_price"]["amount"] * line["quantity"] for line in lines)
    discount = sum(line["discount"]["amount"] for line in lines)
    tax = sum(line["tax"]["amount"] for line in lines) + _amount(body["shipping_tax"])
    total = subtotal - discount + _amount(body["shipping"]) + (tax if added else 0)
    expected = {"subtotal": subtotal, "discount": discount, "tax": tax, "total": total}
    wrong = [name for name, amount in expected.items() if _amount(body[name]) != amount]
    return f"{', '.join(wrong)} that does not add up" if wrong else ""


def one_order(path: str, query: Query, sent: Json, body: Json) -> str:
    """The one that was asked for, and its figures."""
    if body["id"] != path.rpartition("/")[2]:
        return "another order"
    return order_figures(path, query, sent, body)


def quotes(path: str, query: Query, sent: Json, body: Json) -> str:
    """At least one way to send it, cheapest first."""
    prices = [each["price"]["amount"] for each in body["options"]]
    if not prices:
        return "no way to send it"
    return "" if prices == sorted(prices) else "options not cheapest first"


def availability(path: str, query: Query, sent: Json, body: Json) -> str:
    """Of the product that was asked for."""
    return "" if [each["product_id"] for each in body["items"]] == [query["id"]] else "of another product"


def search_page(path: str, query: Query, sent: Json, body: Json) -> str:
    """Each hit once."""
    ids = [each["product_id"] for each in body["items"]]
    return "" if len(set(ids)) == len(ids) else "a product twice in one page"


def _amount(money: Json) -> int:
    return 0 if money is None else int(money["amount"])


Check = Callable[[str, Query, Json, Json], str]
CHECKS: dict[tuple[str, str, str], Check] = {
    ("catalog", "GET", "/products"): product_page,
    ("catalog", "GET", "/products/{id}"): one_product,
    ("catalog", "GET", "/products/{id}/prices"): price_history,
    ("catalog", "GET", "/categories"): category_tree,
    ("search", "GET", "/search"): search_page,
    ("cart", "POST", "/carts"): cart,
    ("cart", "GET", "/carts/{cart}"): cart,
    ("cart", "POST", "/carts/{cart}/lines"): added_line,
    ("cart", "PUT", "/carts/{cart}/lines/{id}"): set_line,
    ("order-taking", "POST", "/orders:preview"): order_figures,
    ("order-processing", "GET", "/orders/{id}"): one_order,
    ("logistics", "POST", "/quotes"): quotes,
    ("warehouse", "GET", "/availability"): availability,
}
"""By service, method and route."""
