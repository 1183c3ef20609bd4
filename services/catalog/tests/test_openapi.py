from pathlib import Path

from shop_catalog.service import service
from shop_chassis.settings import Settings
from shop_chassis.testing.openapi import check_openapi


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    check_openapi(service, Settings(database_url=f"sqlite:///{tmp_path}/catalog.db"), tmp_path)
