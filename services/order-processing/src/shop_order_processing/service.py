"""How order-processing is put together."""

from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.client import Policy, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Background, Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings

from shop_order_processing import admin, api
from shop_order_processing.engine import Engine
from shop_order_processing.events import Handlers
from shop_order_processing.metrics import SagaMetrics, TradeMetrics
from shop_order_processing.sagas import kinds
from shop_order_processing.store import Orders
from shop_order_processing.tables import inbox, metadata, outbox

NEIGHBOURS = ("warehouse", "payment", "logistics", "catalog")


class OrderProcessingSettings(Settings):
    """Those of the chassis, where the neighbours are, and how the sagas run."""

    warehouse_url: HttpUrl
    payment_url: HttpUrl
    logistics_url: HttpUrl
    catalog_url: HttpUrl

    call_timeout: float = Field(default=5.0, gt=0, le=6)
    """Seconds that one call may take. Nobody waits for it, so it is long."""
    saga_concurrency: int = Field(default=8, ge=1, le=100)
    """Sagas at a time, per pod."""
    saga_poll_seconds: float = Field(default=15.0, gt=0)
    """How often work of other pods is looked for, and the gauges are brought up to date."""
    pack_seconds: float = Field(default=30.0, ge=0)
    """Between an order's confirmation and its dispatch: so long it can be cancelled after payment."""


def setup(runtime: Runtime[Any]) -> None:
    """Orders for the handlers, consumers, the relay, and the engine last, which needs all of it."""
    settings: OrderProcessingSettings = runtime.settings
    orders = Orders(runtime.store, dict(kinds(settings.pack_seconds)))
    orders.witnesses.add(TradeMetrics(runtime.metrics).happened)
    runtime.provide(orders)

    # An attempt that hangs leaves time for another, which may reach another pod.
    policy = Policy(timeout=settings.call_timeout, attempt_timeout=0.6 * settings.call_timeout)
    urls = {name: getattr(settings, f"{name}_url") for name in NEIGHBOURS}
    clients = {name: callee(runtime, name, url, policy=policy) for name, url in urls.items()}

    events, handlers = Events(runtime, "order-processing"), Handlers(orders)
    events.publish(outbox)
    # Orders can be read while there is nothing to hear, so that is no reason not to be ready.
    events.consume("order-taking", handlers.of_orders, inbox=inbox, needed=False)
    events.consume("payment", handlers.of_payments, inbox=inbox, needed=False)
    events.consume("logistics", handlers.of_shipments, inbox=inbox, needed=False)
    personal = PersonalData(export=orders.of_person, erase=orders.forget)
    runtime.provide(personal)
    events.consume("user", [personal.on_erased], inbox=inbox, needed=False)

    engine = Engine(
        orders,
        clients,
        SagaMetrics(runtime.metrics),
        worker=settings.pod_name,
        tracer=runtime.tracer,
        concurrency=settings.saga_concurrency,
        poll=settings.saga_poll_seconds,
    )
    background = Background("saga engine", engine.run)
    runtime.add(background)
    runtime.ready_when("saga engine", background.problem)


service = Service(
    "order-processing",
    title="Orders and their fulfilment",
    routers=[api.router, admin.router, personal_data("user")],
    migrations=Migrations("shop_order_processing.migrations", metadata),
    settings=OrderProcessingSettings,
    setup=setup,
)
