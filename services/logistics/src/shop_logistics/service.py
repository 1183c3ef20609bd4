"""How logistics is put together."""

from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.address import Address
from shop_contracts.user import events as user

from shop_logistics import admin, api, internal, personal, webhooks
from shop_logistics.demo import DemoCarrier
from shop_logistics.parcels import Labels
from shop_logistics.reports import Secrets
from shop_logistics.rounds import Rounds
from shop_logistics.shipments import Shipments
from shop_logistics.tables import inbox, metadata, outbox
from shop_logistics.tariffs import Tariffs


class LogisticsSettings(Settings):
    """Those of the chassis, and where parcels come from."""

    depot: Address = Address(
        name="Example Shop",
        line1="Waalhaven Z.z. 19",
        city="Rotterdam",
        postal_code="3089 JH",
        country="NL",
    )
    """JSON. The sender on labels, where returns go and delivery routes begin."""
    seconds_per_hop: float = Field(default=0.0, ge=0)
    """After so long the demo carrier moves a parcel on; 0: only carriers and administrators do."""
    carrier_secrets: Path | None = None
    """Folder with a file for each carrier whose webhooks are taken: the secret that signs them."""


def setup(runtime: Runtime[Any]) -> None:
    """The table of rates, parcels and what is told of them."""
    settings: LogisticsSettings = runtime.settings
    store = runtime.store
    shipments = Shipments(store, outbox)
    runtime.provide(shipments)
    runtime.provide(Tariffs(store))
    runtime.provide(Labels(store, settings.depot))
    runtime.provide(Rounds(store, settings.depot.postal_code))
    runtime.provide(Secrets(settings.carrier_secrets))
    person = PersonalData(export=partial(personal.export, store), erase=personal.erase)
    runtime.provide(person)
    events = Events(runtime, "logistics")
    events.publish(outbox)
    events.consume(user.STREAM, [person.on_erased], inbox=inbox, needed=False)
    if settings.seconds_per_hop:
        carrier = DemoCarrier(shipments, settings.seconds_per_hop)
        runtime.add(Schedule("demo carrier", settings.seconds_per_hop / 2, carrier.drive, runtime))


service = Service(
    "logistics",
    title="Logistics",
    routers=[api.router, internal.router, webhooks.router, admin.router, personal_data("user")],
    migrations=Migrations("shop_logistics.migrations", metadata),
    settings=LogisticsSettings,
    setup=setup,
)
