from pathlib import Path

import pytest
from pydantic import HttpUrl
from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep
from shop_order_processing.service import NEIGHBOURS, OrderProcessingSettings, service

from .conftest import Shop
from .neighbours import LAMP

NOWHERE = {f"{name}_url": HttpUrl("http://127.0.0.1:9") for name in NEIGHBOURS}


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = OrderProcessingSettings.model_validate(
        NOWHERE | {"database_url": f"sqlite:///{tmp_path}/orders.db"}
    )
    await sweep(service, settings, tmp_path, public=set())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_anns_is_nobody_elses(shop: Shop) -> None:
    await shop.delivered(subject="ben")
    things = {"orders": await shop.delivered(lines={LAMP: 2}), "products": str(LAMP)}
    await sweep_ownership(shop.http, shop.token("ann"), shop.token("ben"), things)
