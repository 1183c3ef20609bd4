"""How the notification service is put together: an API and a worker, in one process or each in its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from prometheus_client import Counter, Gauge
from shop_chassis.client import Policy
from shop_chassis.client.client import callee
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Events, bus_of
from shop_chassis.migrations import Migrations
from shop_chassis.runtime import Background, Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service
from shop_contracts.notification.api import Channel
from shop_contracts.notification.events import STREAM
from shop_contracts.order_processing.events import STREAM as ORDERS
from shop_contracts.user.events import STREAM as USER
from shop_contracts.wishlist.events import STREAM as WISHLIST
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import personal
from shop_notification.api import admin, own, world
from shop_notification.campaigns import Campaigner, Campaigns
from shop_notification.channels import Way
from shop_notification.channels.smtp import Mailer, Server
from shop_notification.channels.webhooks import Push, Sms
from shop_notification.choices import Choices
from shop_notification.events import Handlers
from shop_notification.inbox import Entries
from shop_notification.links import Links
from shop_notification.loop import Loop, Work
from shop_notification.overdue import EVERY, Overdue
from shop_notification.packing import Packer
from shop_notification.people import People
from shop_notification.planner import Planner
from shop_notification.records import Records
from shop_notification.sender import Sender
from shop_notification.settings import NotificationSettings
from shop_notification.tables import INBOX, METADATA, OUTBOX
from shop_notification.templates import Templates
from shop_notification.unread import Watchers
from shop_notification.unsubscribing import Unsubscribing

CAMPAIGNS_AT_ONCE = 1


def setup(runtime: Runtime[Any]) -> None:
    """The API, and the worker unless that is a pod of its own."""
    _setup_api(runtime)
    if runtime.settings.worker:
        setup_worker(runtime)


def _setup_api(runtime: Runtime[Any]) -> None:
    settings: NotificationSettings = runtime.settings
    store, people, templates = runtime.store, _people(runtime), _templates(settings)
    choices, entries = Choices(store, people), Entries(store)
    secret, storefront = _link_secret(settings), str(settings.storefront_url)
    watchers = Watchers(runtime, bus_of(runtime), entries)
    for each in (
        choices,
        entries,
        watchers,
        templates,
        Campaigns(store),
        Records(store),
        Unsubscribing(store, choices, templates, secret, storefront),
        _personal(runtime),
    ):
        runtime.provide(each)
    runtime.provide(settings, NotificationSettings)
    Events(runtime, STREAM).publish(OUTBOX)
    _background(runtime, "unread counts", watchers.follow)
    _background(runtime, "streams that end", watchers.end_when_draining)
    age = Gauge(
        "notification_overdue_seconds", "How long the oldest work is overdue.", registry=runtime.metrics
    )
    runtime.add(Schedule("work that is due", EVERY, Overdue(store, age).run, runtime))
    runtime.add(Schedule("sweep", personal.SWEEP_EVERY, personal.Held(store).sweep, runtime))


def setup_worker(runtime: Runtime[Any]) -> None:
    """Follows the others, decides, sends."""
    settings: NotificationSettings = runtime.settings
    store, people, templates, ways = runtime.store, _people(runtime), _templates(settings), _ways(settings)
    outcomes = Counter(
        "notification_deliveries",
        "Tries to deliver, by what came of them.",
        ["channel", "outcome"],
        registry=runtime.metrics,
    )
    zone, concurrency = settings.timezone, settings.concurrency
    lease = timedelta(seconds=settings.lease_seconds)
    packer = Packer(store, people, templates, _links(settings), zone)
    sending = _loop(runtime, "deliveries", Sender(store, packer, ways, outcomes, lease=lease), concurrency)
    planner = Planner(
        store,
        people,
        templates,
        channels=frozenset[Channel](("inbox", *ways)),
        mails_per_day=settings.mails_per_day,
        zone=zone,
        lease=lease,
        planned=sending.wake,
    )
    planning = _loop(runtime, "messages", planner, concurrency)
    campaigner = Campaigner(store, people, noted=planning.wake)
    campaigning = _loop(runtime, "campaigns", campaigner, CAMPAIGNS_AT_ONCE)

    def wake(session: AsyncSession) -> None:
        def committed(_session: object) -> None:
            for loop in (planning, sending, campaigning):
                loop.wake()

        event.listen(session.sync_session, "after_commit", committed, once=True)

    _consume(runtime, Handlers(_personal(runtime), wake))


def _consume(runtime: Runtime[Any], handlers: Handlers) -> None:
    settings: NotificationSettings = runtime.settings
    events = Events(runtime, STREAM)
    # Neighbours that are not installed, or not yet, are no reason to be unready.
    for stream, wanted, needed in (
        (STREAM, handlers.of_our_own, True),
        (ORDERS, handlers.of_orders, False),
        (USER, handlers.of_users, False),
        (WISHLIST, handlers.of_wishlists, False),
    ):
        events.consume(
            stream,
            wanted,
            inbox=INBOX,
            concurrency=settings.concurrency,
            rate=settings.events_per_second,
            needed=needed,
        )


def _loop(runtime: Runtime[Any], name: str, work: Work, concurrency: int) -> Loop:
    loop = Loop(runtime.store, work, concurrency=concurrency)
    _background(runtime, name, loop.run)
    return loop


def _background(runtime: Runtime[Any], name: str, run: Callable[[], Any]) -> None:
    background = runtime.add(Background(name, run))
    runtime.ready_when(name, background.problem)


def _people(runtime: Runtime[Any]) -> People:
    settings: NotificationSettings = runtime.settings

    def make() -> People:
        url = settings.user_url
        return People(runtime.store, callee(runtime, USER, url, policy=Policy(timeout=2)) if url else None)

    return runtime.shared(People, make)


def _personal(runtime: Runtime[Any]) -> PersonalData:
    held = personal.Held(runtime.store)
    return PersonalData(export=held.of, erase=held.erase)


def _templates(settings: NotificationSettings) -> Templates:
    return Templates(_links(settings), settings.shop_name)


def _links(settings: NotificationSettings) -> Links:
    storefront = str(settings.storefront_url).rstrip("/")
    public = str(settings.public_url) if settings.public_url else f"{storefront}/api/notification"
    return Links(storefront, public, _link_secret(settings))


def _link_secret(settings: NotificationSettings) -> str:
    return settings.link_secret.get_secret_value() or settings.webhook_secret.get_secret_value()


def _ways(settings: NotificationSettings) -> dict[Channel, Way]:
    """The channels that there is a way to send on. Raises SettingsError."""
    ways: dict[Channel, Way] = {}
    secret = settings.webhook_secret.get_secret_value()
    if settings.smtp_url is not None:
        ways["email"] = Mailer(Server.of(settings.smtp_url.get_secret_value()), settings.mail_from)
    if settings.sms_url is not None and secret:
        ways["sms"] = Sms(str(settings.sms_url), secret)
    if settings.push_url is not None and secret:
        ways["push"] = Push(str(settings.push_url), secret)
    return ways


service = Service(
    STREAM,
    title="Messages: inbox, preferences, campaigns",
    routers=[own.router, world.router, admin.router, personal_data(USER)],
    migrations=Migrations("shop_notification.migrations", METADATA),
    settings=NotificationSettings,
    setup=setup,
)
worker = replace(service, title="Worker of notification", routers=(), setup=setup_worker)
"""What `work` runs: no API, but health and metrics."""
