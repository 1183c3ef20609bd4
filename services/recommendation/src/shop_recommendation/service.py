"""How recommendation is put together."""

from typing import Any

from shop_chassis.client import Policy, callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.events.service import bus_of
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Background, Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_contracts.cart.events import STREAM as CART
from shop_contracts.catalog.events import STREAM as CATALOG
from shop_contracts.order_taking.events import STREAM as ORDERS
from shop_contracts.storefront.events import STREAM as STOREFRONT
from shop_contracts.user.events import STREAM as USER

from shop_recommendation import admin, api, catalogue
from shop_recommendation.history import History, erase
from shop_recommendation.listening import FROM_CART, FROM_CATALOG, FROM_ORDERS, FROM_STOREFRONT
from shop_recommendation.models import Models
from shop_recommendation.serving import Serving
from shop_recommendation.settings import RecommendationSettings
from shop_recommendation.shelf import Shelf
from shop_recommendation.suggesting import Suggestions
from shop_recommendation.tables import inbox, metadata, outbox
from shop_recommendation.trainer import Trainer

PRUNE_EVERY = 3600.0
SNAPSHOT_SECONDS = 120.0


def setup(runtime: Runtime[Any]) -> None:
    """Ready when the database is: without a model, events or catalog there still are answers."""
    settings: RecommendationSettings = runtime.settings
    store = runtime.store
    models, history = Models(store, outbox), History(store)
    shelf = Shelf(store, seconds=settings.remember_seconds)
    serving = Serving(models, bus_of(runtime), runtime.metrics)
    personal = PersonalData(export=history.export, erase=erase)
    trainer = runtime.add(Trainer(runtime, models, serving))
    for each in (models, serving, trainer, personal, Suggestions(serving, history, shelf)):
        runtime.provide(each)
    runtime.add(serving.background())
    runtime.add(Schedule("old interactions", PRUNE_EVERY, history.prune, runtime))
    if settings.train_seconds is not None:
        runtime.add(Schedule("training", settings.train_seconds, trainer.train_if_news, runtime))
    if settings.catalog_url is not None:
        catalog = callee(runtime, "catalog", settings.catalog_url, policy=Policy(timeout=SNAPSHOT_SECONDS))
        runtime.add(Background("snapshot of catalog", catalogue.beginning(store, catalog).run))
    events = Events(runtime, "recommendation")
    events.publish(outbox)
    for stream, handlers in (
        (CATALOG, FROM_CATALOG),
        (STOREFRONT, FROM_STOREFRONT),
        (CART, FROM_CART),
        (ORDERS, FROM_ORDERS),
        (USER, [personal.on_erased]),
    ):
        events.consume(stream, handlers, inbox=inbox, needed=False)


service = Service(
    "recommendation",
    title="Recommendations",
    routers=[api.router, admin.router, personal_data("user")],
    migrations=Migrations("shop_recommendation.migrations", metadata),
    settings=RecommendationSettings,
    setup=setup,
)
