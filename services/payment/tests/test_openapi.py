from pathlib import Path

from shop_chassis.testing.openapi import check_openapi
from shop_payment.settings import PaymentSettings

from .world import with_a_gateway


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    settings = PaymentSettings(database_url=f"sqlite:///{tmp_path}/payment.db")
    check_openapi(with_a_gateway(), settings, tmp_path)
