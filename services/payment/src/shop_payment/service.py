"""How payment is put together."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shop_chassis.client import Policy, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_chassis.settings import SettingsError
from shop_chassis.tables import utc_now

from shop_payment import admin, api, webhooks
from shop_payment.books import Books
from shop_payment.gateways import Gateway
from shop_payment.payments import Payments
from shop_payment.settings import PaymentSettings
from shop_payment.tables import inbox, metadata, outbox


def setup(runtime: Runtime[Any]) -> None:
    """Payment with the gateways that the settings name."""
    settings: PaymentSettings = runtime.settings
    gateways = {gateway.name: gateway for gateway in _gateways(runtime, settings)}
    if gateways and settings.gateway not in gateways:
        known = ", ".join(sorted(gateways))
        raise SettingsError(f"GATEWAY: expected one that is set up ({known}), found {settings.gateway!r}")
    assemble(runtime, gateways)


def assemble(
    runtime: Runtime[Any], gateways: Mapping[str, Gateway], clock: Callable[[], datetime] = utc_now
) -> None:
    """Payments for the handlers, their events, and what asks again for what was not answered.

    A gateway that is down is no reason not to be ready: what is known can be told all the same.
    """
    settings: PaymentSettings = runtime.settings
    payments = Payments(runtime.store, outbox, gateways, settings.gateway, clock=clock)
    runtime.provide(payments)
    runtime.provide(Books(runtime.store))
    events = Events(runtime, "payment")
    events.publish(outbox)
    personal = PersonalData(export=payments.export, erase=payments.erase)
    runtime.provide(personal)
    # Payments are answered without it; who has gone is erased once the events come again.
    events.consume("user", [personal.on_erased], inbox=inbox, needed=False)
    runtime.add(Schedule("unanswered", settings.resolve_seconds, payments.resume_due, runtime))
    runtime.add(Schedule("old webhooks", 3600, payments.forget_webhooks, runtime))


def _gateways(runtime: Runtime[Any], settings: PaymentSettings) -> list[Gateway]:
    found: list[Gateway] = []
    return_url = str(settings.return_url) if settings.return_url else None
    if settings.testgateway_url is not None:
        from shop_payment.gateways.testgateway import TestGateway

        # Two attempts in the time: one that hangs leaves room for another, under the same key.
        policy = Policy(timeout=settings.gateway_timeout, attempt_timeout=0.6 * settings.gateway_timeout)
        client = callee(runtime, "testgateway", settings.testgateway_url, policy=policy, internal=False)
        secret = settings.webhook_secret
        found.append(TestGateway(client, settings.gateway_key, secret, return_url=return_url))
    if settings.stripe_key is not None:
        # Only who needs the SDK pays for its import.
        from shop_payment.gateways.stripe_gateway import StripeGateway

        found.append(
            runtime.add(
                StripeGateway(
                    settings.stripe_key,
                    settings.stripe_webhook_secret,
                    url=str(settings.stripe_url) if settings.stripe_url else None,
                    timeout=settings.gateway_timeout,
                    return_url=return_url,
                )
            )
        )
    return found


service = Service(
    "payment",
    title="Payments and the ledger",
    routers=[api.router, webhooks.router, admin.router, personal_data("user")],
    migrations=Migrations("shop_payment.migrations", metadata),
    settings=PaymentSettings,
    setup=setup,
)
