from pathlib import Path

from shop_chassis.testing.openapi import check_openapi
from shop_order_processing.service import OrderProcessingSettings, service

NOWHERE = "http://127.0.0.1:9"


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    settings = OrderProcessingSettings(
        database_url=f"sqlite:///{tmp_path}/orders.db",
        warehouse_url=NOWHERE,  # type: ignore[arg-type]
        payment_url=NOWHERE,  # type: ignore[arg-type]
        logistics_url=NOWHERE,  # type: ignore[arg-type]
        catalog_url=NOWHERE,  # type: ignore[arg-type]
    )
    check_openapi(service, settings, tmp_path, examples=2)
