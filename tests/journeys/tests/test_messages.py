"""What the shop tells people: mails that really arrive, and the inbox in the shop."""

from collections.abc import Callable
from typing import Any

import pytest
from shop_journeys.shop import Shop
from shop_journeys.shopper import Shopper
from shop_journeys.waiting import eventually


@pytest.fixture(autouse=True)
def _there_is_a_mailbox(shop: Shop) -> None:
    if not {"mailbox", "wishlist"} <= shop.services:
        pytest.skip("no mailbox takes this shop's mails, or nobody watches prices in it")


def mails(shop: Shop, address: str, about: str) -> list[dict[str, Any]]:
    """Those that have arrived and whose subject has these words."""
    found = shop.api("mailbox").get("/mails", to=address)["items"]
    return [mail for mail in found if about in mail["subject"]]


def entries(person: Shopper, kind: str) -> list[dict[str, Any]]:
    """Of the inbox in the shop."""
    return [each for each in person.at("notification").get("/inbox")["items"] if each["kind"] == kind]


def test_an_order_is_told_by_mail_and_in_the_inbox(shop: Shop) -> None:
    ann = shop.register()
    [hello] = eventually(lambda: mails(shop, ann.email, "Confirm your e-mail") or None, "the first mail")
    assert "/verify?token=" in hello["text"]
    ann.add(shop.product(price=4900))
    order_id = ann.order()
    ann.until(order_id, "confirmed")
    [mail] = eventually(lambda: mails(shop, ann.email, "is confirmed") or None, "the mail of the order")
    assert "49.00" in mail["text"]
    assert order_id in mail["html"]
    told = eventually(lambda: entries(ann, "order") or None, "the order in the inbox")
    assert order_id in told[-1]["link"]


def test_a_price_drop_is_told_once(shop: Shop) -> None:
    lamp, ann, ben = shop.product(price=4900), shop.register(), shop.register()
    for person in (ann, ben):
        person.watch(lamp)
    for price in (3900, 2900):
        shop.reprice(lamp, price)
    for person in (ann, ben):
        eventually(told(shop, person, mailed=2, in_the_shop=2), "both drops are told")
    subjects = [mail["subject"] for mail in mails(shop, ann.email, "now costs")]
    assert sorted(subject.rpartition(" ")[2] for subject in subjects) == ["€29.00", "€39.00"]
    for person in (ann, ben):
        assert told(shop, person, mailed=2, in_the_shop=2)(), "none is told again"


def test_who_unsubscribes_with_one_click_hears_of_it_in_the_shop_alone(shop: Shop) -> None:
    lamp, ann = shop.product(price=4900), shop.register()
    ann.watch(lamp)
    shop.reprice(lamp, 3900)
    [mail] = eventually(lambda: mails(shop, ann.email, "now costs") or None, "the mail")
    token = mail["unsubscribe"].rpartition("/")[2]
    shop.api("notification").ask("POST", f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    shop.reprice(lamp, 2900)
    eventually(told(shop, ann, mailed=1, in_the_shop=2), "the second drop is in the inbox alone")


def told(shop: Shop, person: Shopper, *, mailed: int, in_the_shop: int) -> Callable[[], bool]:
    """Whether so many price drops have arrived, each way."""
    return lambda: (
        len(mails(shop, person.email, "now costs")) == mailed
        and len(entries(person, "price_drop")) == in_the_shop
    )
