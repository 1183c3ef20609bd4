from dataclasses import replace
from pathlib import Path
from typing import Any

from shop_chassis.runtime import Runtime
from shop_chassis.testing.openapi import check_openapi
from shop_testgateway.api import Merchant
from shop_testgateway.service import service, setup
from shop_testgateway.settings import TestGatewaySettings


class Anybody(Merchant):
    """Who has a key is another test's matter."""

    def __init__(self) -> None:
        super().__init__(None)

    def check(self, given: str) -> None:
        pass


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    def for_anybody(runtime: Runtime[Any]) -> None:
        setup(runtime)
        runtime.provide(Anybody(), Merchant)

    settings = TestGatewaySettings(database_url=f"sqlite:///{tmp_path}/gateway.db")
    check_openapi(replace(service, setup=for_anybody), settings, tmp_path)
