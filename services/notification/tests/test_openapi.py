from pathlib import Path

import pytest
from shop_chassis.testing.openapi import check_openapi
from shop_notification.service import service
from shop_notification.settings import NotificationSettings

from .conftest import ending_streams


def test_the_service_is_as_its_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending_streams(monkeypatch)
    settings = NotificationSettings(
        database_url=f"sqlite:///{tmp_path}/n.db", worker=False, webhook_secret="whsec"
    )
    check_openapi(service, settings, tmp_path)
