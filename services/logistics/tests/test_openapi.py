from pathlib import Path

from shop_chassis.testing.openapi import check_openapi
from shop_logistics.service import LogisticsSettings, service


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    (tmp_path / "paketpost").write_bytes(b"secret")
    settings = LogisticsSettings(database_url=f"sqlite:///{tmp_path}/logistics.db", carrier_secrets=tmp_path)
    check_openapi(service, settings, tmp_path)
