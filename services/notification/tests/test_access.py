from pathlib import Path

import pytest
from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep
from shop_notification.service import service
from shop_notification.settings import NotificationSettings

from .conftest import Shop, ending_streams, on_sqlite

PUBLIC = {"GET /unsubscribe/{token}", "POST /unsubscribe/{token}", "POST /webhooks/bounces"}


async def test_who_may_do_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending_streams(monkeypatch)
    settings = NotificationSettings(database_url=f"sqlite:///{tmp_path}/n.db", worker=False)
    await sweep(service, settings, tmp_path, public=PUBLIC)


@on_sqlite
async def test_what_is_anns_is_nobody_elses(shop: Shop) -> None:
    ann, ben = shop.users.add(), shop.users.add()
    for who in (ann, ben):
        await shop.drop(who)
    await shop.settled()
    [entry] = await shop.inbox(ann)
    await sweep_ownership(shop.http, shop.headers(ann), shop.headers(ben), {"inbox": str(entry.id)})
