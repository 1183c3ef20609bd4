"""How catalog is put together."""

from pathlib import Path
from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.user.events import STREAM as USER
from shop_contracts.warehouse.events import STREAM as WAREHOUSE

from shop_catalog import admin, api, offering, snapshot
from shop_catalog.availability import FROM_WAREHOUSE
from shop_catalog.coupons import Coupons
from shop_catalog.families import Families
from shop_catalog.media import Folder, MediaStore, Moved, Rows
from shop_catalog.plans import Plans
from shop_catalog.products import Products
from shop_catalog.promotions import Promotions
from shop_catalog.tables import inbox, metadata, outbox

PLANS_EVERY = 5.0
"""Seconds by which a planned price may be late."""


class CatalogSettings(Settings):
    """Those of the chassis, and where pictures are kept: in a bucket, a folder, or else the database."""

    media_url: str | None = Field(default=None, pattern=r"^s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/[^?#]+)?$")
    """`s3://bucket` or `s3://bucket/folder`. The binding `media` has the credentials."""
    media_endpoint: HttpUrl | None = None
    """Of the S3 API; unset: that of AWS in `media_region`."""
    media_region: str = "us-east-1"
    media_folder: Path | None = None
    """Of this process alone."""


def setup(runtime: Runtime[Any]) -> None:
    """What handlers use, a relay for events, and what is heard of others: none of it is needed to answer."""
    products = Products(runtime.store, outbox)
    promotions = Promotions(runtime.store, outbox)
    coupons = Coupons(runtime.store, promotions)
    personal = PersonalData(export=coupons.export, erase=coupons.forget)
    plans = Plans(runtime.store, products)
    for each in (products, Families(runtime.store, products), promotions, coupons, plans, personal):
        runtime.provide(each)
    runtime.add(Schedule("planned prices", PLANS_EVERY, plans.apply, runtime))
    runtime.provide(_media(runtime), MediaStore)
    events = Events(runtime, "catalog")
    events.publish(outbox)
    events.consume(WAREHOUSE, FROM_WAREHOUSE, inbox=inbox, needed=False)
    events.consume(USER, [personal.on_erased], inbox=inbox, needed=False)


def _media(runtime: Runtime[Any]) -> MediaStore:
    settings, rows = runtime.settings, Rows(runtime.store)
    if not isinstance(settings, CatalogSettings):
        return rows
    if settings.media_url is None:
        return Folder(settings.media_folder) if settings.media_folder else rows
    # Some megabytes that a catalog without a bucket need not have.
    from shop_catalog.bucket import Bucket

    endpoint = str(settings.media_endpoint).rstrip("/") if settings.media_endpoint else None
    bucket = Bucket(
        settings.media_url,
        endpoint=endpoint,
        region=settings.media_region,
        credentials=settings.binding("media"),
    )
    return Moved(bucket, rows)


service = Service(
    "catalog",
    title="Catalog",
    routers=[
        api.router,
        offering.public,
        admin.router,
        offering.admin,
        offering.uses,
        snapshot.router,
        personal_data("user"),
    ],
    migrations=Migrations("shop_catalog.migrations", metadata),
    settings=CatalogSettings,
    setup=setup,
)
