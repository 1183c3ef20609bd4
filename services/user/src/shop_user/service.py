"""How the user service is put together."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.client import Policy
from shop_chassis.client.client import callee
from shop_chassis.events import Events
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_contracts.user.api import ACCESS_SECONDS

from shop_user import api_admin, api_me, api_services, api_sign_in, sweep
from shop_user.accounts import Accounts
from shop_user.book import Book
from shop_user.family import Lifetimes
from shop_user.first_admin import FirstAdmin
from shop_user.passwords import Passwords
from shop_user.personal import People
from shop_user.profiles import Profiles
from shop_user.sessions import Sessions
from shop_user.tables import METADATA, OUTBOX
from shop_user.tokens import Issuer

HOLDERS = (
    "catalog",
    "cart",
    "order-taking",
    "order-processing",
    "payment",
    "logistics",
    "wishlist",
    "recommendation",
    "notification",
)
"""Services that hold personal data, if they are there."""


class UserSettings(Settings):
    """Those of the chassis, and what tokens are made with and how long they are good."""

    auth_private_key: Path | None = None
    """The key of access tokens, PEM; without it nobody can sign in (503)."""
    refresh_days: float = Field(default=30, gt=0)
    """A session ends when it is not used for so long."""
    session_days: float = Field(default=180, gt=0)
    """A session ends at the latest after this."""
    verify_hours: float = Field(default=24, gt=0)
    reset_minutes: float = Field(default=30, gt=0)
    """How long the tokens in mails are good."""

    anonymous_per_minute: float = Field(default=300, gt=0)
    """Requests from one address to each of the routes that need no token; half of them at once."""
    password_workers: int = Field(default=2, ge=1, le=32)
    """Passwords checked at a time; each takes 19 MiB."""
    password_queue: int = Field(default=64, ge=0)
    """How many may wait; beyond that logins answer 503."""

    first_admin: Path | None = None
    """Folder with the files `email` and `password`, as a Secret is mounted."""
    first_admin_scopes: str = (
        "user:admin catalog:admin search:admin cart:admin wishlist:admin recommendation:admin "
        "warehouse:admin order-taking:admin order-processing:admin payment:admin logistics:admin "
        "notification:admin"
    )

    export_timeout: float = Field(default=3, gt=0)
    """Seconds that each service has to say what it holds about somebody."""
    catalog_url: HttpUrl | None = None
    cart_url: HttpUrl | None = None
    order_taking_url: HttpUrl | None = None
    order_processing_url: HttpUrl | None = None
    payment_url: HttpUrl | None = None
    logistics_url: HttpUrl | None = None
    wishlist_url: HttpUrl | None = None
    recommendation_url: HttpUrl | None = None
    notification_url: HttpUrl | None = None


def setup(runtime: Runtime[Any]) -> None:
    """Ready when the database is; no other service's absence is a reason not to be."""
    settings: UserSettings = runtime.settings
    issuer = Issuer(
        settings.auth_private_key,
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
        seconds=ACCESS_SECONDS,
    )
    passwords = runtime.add(Passwords(workers=settings.password_workers, waiting=settings.password_queue))
    lifetimes = Lifetimes(timedelta(days=settings.refresh_days), timedelta(days=settings.session_days))
    sessions = Sessions(runtime.store, issuer, lifetimes)
    accounts = Accounts(
        runtime.store,
        passwords,
        sessions,
        verify_within=timedelta(hours=settings.verify_hours),
        reset_within=timedelta(minutes=settings.reset_minutes),
    )
    policy = Policy(timeout=settings.export_timeout)
    urls = {name: getattr(settings, f"{name.replace('-', '_')}_url") for name in HOLDERS}
    holders = {
        name: callee(runtime, name, url, policy=policy) for name, url in urls.items() if url is not None
    }
    for each in (
        issuer,
        sessions,
        accounts,
        Profiles(runtime.store, sessions),
        Book(runtime.store),
        People(runtime.store, sessions, holders),
    ):
        runtime.provide(each)
    Events(runtime, "user").publish(OUTBOX)
    runtime.add(Schedule("sweep", sweep.EVERY, sweep.Sweep(runtime.store, lifetimes).run, runtime))
    if settings.first_admin is not None:
        runtime.add(
            FirstAdmin(settings.first_admin, settings.first_admin_scopes.split(), runtime.store, passwords)
        )


service = Service(
    "user",
    title="Accounts, sessions and tokens",
    routers=[api_sign_in.router, api_sign_in.keys, api_me.router, api_admin.router, api_services.router],
    migrations=Migrations("shop_user.migrations", METADATA),
    settings=UserSettings,
    setup=setup,
)
