from uuid import UUID

import pytest
from shop_contracts.catalog.events import PriceChanged
from shop_contracts.money import Money
from shop_notification.prices import PriceDrop, price_drop

PRODUCT = UUID(int=1)


def change(old: Money, new: Money) -> PriceChanged:
    return PriceChanged(product_id=PRODUCT, sku="K1", slug="kettle", title="Kettle", old=old, new=new)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def test_a_lower_price_is_a_drop() -> None:
    assert price_drop(change(eur(2000), eur(1999))) == PriceDrop(PRODUCT, 2000, 1999, "EUR")


@pytest.mark.parametrize("new", [eur(2000), eur(2001), Money(amount=5, currency="USD")])
def test_no_other_change_is(new: Money) -> None:
    assert price_drop(change(eur(2000), new)) is None
