from pathlib import Path
from uuid import uuid4

import pytest
from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep
from shop_logistics.service import LogisticsSettings, service

from .conftest import LINES

PUBLIC = {"POST /quotes", "POST /webhooks/{carrier}"}


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = LogisticsSettings(database_url=f"sqlite:///{tmp_path}/logistics.db")
    await sweep(service, settings, tmp_path, public=PUBLIC)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_anns_is_nobody_elses(shop) -> None:
    ann, bob = await shop.delivered(subject="ann"), await shop.delivered(subject="bob")
    back = str(uuid4())
    (await shop.saga.put(f"/internal/shipments/{ann}/returns/{back}", json=LINES)).raise_for_status()
    # As if it were of a shipment of his own.
    label = await shop.http.get(f"/shipments/{bob}/returns/{back}/label", headers=shop.token("bob"))
    assert label.status_code == 404
    things = {"shipments": str(ann), "returns": back}
    await sweep_ownership(shop.http, shop.token("ann"), shop.token("bob"), things)
