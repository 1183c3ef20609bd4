from pathlib import Path

import pytest
from shop_chassis.testing.sweep import sweep
from shop_notification.service import service
from shop_notification.settings import NotificationSettings

from .conftest import ending_streams

PUBLIC = {"GET /unsubscribe/{token}", "POST /unsubscribe/{token}", "POST /webhooks/bounces"}


async def test_who_may_do_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending_streams(monkeypatch)
    settings = NotificationSettings(database_url=f"sqlite:///{tmp_path}/n.db", worker=False)
    await sweep(service, settings, tmp_path, public=PUBLIC)
