"""A shop whose power was cut goes on where it was; of a shop in one process alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.testing import LocalShop
from shop_journeys.shop import Shop
from shop_journeys.shopper import Shopper


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalShop]:
    made = LocalShop(tmp_path, "--empty")
    yield made
    made.kill()


def test_an_order_that_was_under_way_goes_on_after_a_power_cut(local: LocalShop) -> None:
    before = Shop(local.start())
    before.open()
    lamp = before.product(stock=1)
    ann = before.register()
    ann.add(lamp)
    waiting = ann.order(payment_method="tok_3ds")
    ann.until(waiting, "action_required")
    local.kill()
    before.close()

    after = Shop(local.start())
    ann = Shopper(after, ann.token, ann.subject, ann.email)
    assert after.available(lamp) == 0
    after.confirm_payment(waiting)
    order = ann.until(waiting, "confirmed")
    assert order["payment"]["captured"] == order["total"]
    assert len(after.charges(waiting)) == 1
    after.close()
    assert local.stop() == 0
