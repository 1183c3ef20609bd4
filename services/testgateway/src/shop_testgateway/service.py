"""How the test gateway is put together."""

import random
from typing import Any

from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Background, Runtime
from shop_chassis.service import Service

from shop_testgateway import api, challenges
from shop_testgateway.settings import TestGatewaySettings
from shop_testgateway.store import Gateway
from shop_testgateway.tables import metadata
from shop_testgateway.webhooks import Webhooks


def setup(runtime: Runtime[Any]) -> None:
    """The gateway for the handlers, and what sends its webhooks."""
    settings: TestGatewaySettings = runtime.settings
    runtime.provide(settings, TestGatewaySettings)
    runtime.provide(api.Merchant(settings.gateway_key))
    wake = _nothing
    if settings.webhook_url is not None:
        webhooks = Webhooks(
            runtime.store, str(settings.webhook_url), settings.webhook_secret.get_secret_value()
        )
        sender = runtime.add(Background("webhooks", webhooks.run))
        runtime.ready_when(sender.name, sender.problem)
        wake = webhooks.wake
    draw = random.Random(settings.fault_seed).random
    runtime.provide(Gateway(runtime.store, fee_basis_points=settings.fee_basis_points, draw=draw, wake=wake))


def _nothing() -> None:
    pass


service = Service(
    "testgateway",
    title="Test gateway",
    routers=[api.methods, api.router, challenges.router],
    migrations=Migrations("shop_testgateway.migrations", metadata),
    settings=TestGatewaySettings,
    setup=setup,
)
