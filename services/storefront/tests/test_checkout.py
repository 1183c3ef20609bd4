"""Rules of the checkout: what has been entered, ways to pay, where a bank's page may be."""

from uuid import UUID

import pytest
from shop_contracts.address import Address
from shop_contracts.user.api import PaymentMethod
from shop_storefront.drafts import Draft
from shop_storefront.near import payment
from shop_storefront.sessions import Session

ADDRESS = Address(name="Ann", line1="Main Street 1", city="Delft", postal_code="2611", country="NL")


def test_steps_come_one_after_the_other() -> None:
    draft = Draft.of(Session())
    assert (draft.step, draft.reached("address"), draft.reached("delivery")) == ("address", True, False)
    draft = draft.model_copy(update={"email": "ann@example.com", "address": ADDRESS})
    assert (draft.step, draft.reached("delivery"), draft.reached("payment")) == ("delivery", True, False)
    draft = draft.model_copy(update={"option": "standard"})
    assert draft.step == "payment"
    draft = draft.model_copy(update={"method": "tok_visa"})
    assert (draft.step, draft.reached("address")) == ("review", True)


def test_a_checkout_keeps_its_key_and_another_has_another() -> None:
    draft = Draft.of(Session())
    kept = Session(checkout=draft.model_dump(mode="json"))
    assert Draft.of(kept).key == draft.key
    assert Draft.of(Session()).key != draft.key


@pytest.mark.parametrize("content", [{"address": 3}, {"key": None}, {"placed": {"order_id": "x"}}])
def test_what_cannot_be_read_begins_anew(content: dict[str, object]) -> None:
    draft = Draft.of(Session(checkout=content))
    assert draft.step == "address"
    assert draft.key


def test_what_is_kept_comes_first_and_each_card_once() -> None:
    kept = PaymentMethod(
        id=UUID("018f6d2e-6f00-7cc0-8000-1f6a2d0c0001"),
        gateway="test",
        token="tok_mastercard",
        brand="mastercard",
        last4="4444",
        expires="2030-12",
    )
    cards = payment.test_cards(offered=True)
    found = payment.choices([kept], cards, str)
    assert found[0].token == "tok_mastercard"
    assert len({each.token for each in found}) == len(found) == len(cards)
    assert payment.choices([], payment.test_cards(offered=False), str) == []


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://bank.example/3ds/1", True),
        ("http://127.0.0.1:30090/challenges/x", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//bank.example", False),
        ("https://[", False),
        (None, False),
    ],
)
def test_only_a_web_address_is_a_banks_page(address: str | None, shown: bool) -> None:
    assert (payment.page_of_bank(address) is not None) is shown
