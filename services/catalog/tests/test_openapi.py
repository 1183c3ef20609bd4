from pathlib import Path

from shop_catalog.service import CatalogSettings, service
from shop_chassis.testing.openapi import check_openapi


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    check_openapi(
        service,
        CatalogSettings(database_url=f"sqlite:///{tmp_path}/catalog.db", media_folder=tmp_path / "media"),
        tmp_path,
    )
