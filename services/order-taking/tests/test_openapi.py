import asyncio
from pathlib import Path

from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts
from shop_chassis.testing.openapi import check_openapi
from shop_order_taking.service import OrderTakingSettings, service

from .conftest import NEIGHBOURS, PATIENT, Neighbours, serving


async def test_the_service_is_as_its_document_says(tmp_path: Path, service_accounts: ServiceAccounts) -> None:
    around = Neighbours()
    around.fill({around.sell("lamp"): 1})
    around.coupons["WELCOME10"] = 100

    def known(name: str) -> Settings:
        callers = service_accounts.write_callers(tmp_path / name, name, ["order-taking"])
        return Settings(callers=callers, log_access=False)

    async with serving(around.apps(known)) as urls:
        settings = OrderTakingSettings.model_validate(
            {f"{name}_url": url for name, url in urls.items()}
            | {f"{name}_timeout": PATIENT for name in urls}
            | {
                "database_url": f"sqlite:///{tmp_path}/order_taking.db",
                "identity_tokens": service_accounts.write_tokens(
                    tmp_path / "identity", "order-taking", NEIGHBOURS
                ),
            }
        )
        await asyncio.to_thread(check_openapi, service, settings, tmp_path)
    assert {"cart", "logistics"} <= set(around.asked)
