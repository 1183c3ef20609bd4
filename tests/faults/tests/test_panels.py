"""A fault is made, and every panel that its runbook names shows it: Prometheus scrapes the real services."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis
from shop_chassis.events import Event
from shop_contracts.address import Address
from shop_contracts.money import Money
from shop_contracts.order_taking.api import OrderLine
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from shop_contracts.warehouse.events import STOCK_CHANGED, StockChanged
from shop_faults.seed import LONG
from shop_platform.runbooks import Fault

from .watched import Watched

pytestmark = [
    *(pytest.mark.postgres, pytest.mark.nats, pytest.mark.redis, pytest.mark.timeout(600)),
    pytest.mark.skipif(not LONG, reason="minutes; `make test-long` runs it"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with Watched(tmp_path_factory.mktemp("watched")) as made, made.visited():
        yield made


def show(shop: Watched, *faults: Fault, seconds: float = 60.0) -> None:
    """Until all of their panels do."""
    shop.until_none(
        "panels that do not show it", lambda: [one for fault in faults for one in fault.unseen()], seconds
    )


def stock(count: int) -> list[bytes]:
    """So many events of the warehouse."""
    made = []
    for number in range(count):
        told = StockChanged(product_id=uuid4(), available=number)
        made.append(
            Event(
                source="/warehouse", type=STOCK_CHANGED, subject=str(told.product_id), sequence=1,
                data=told.model_dump(mode="json"),
            ).encode()
        )  # fmt: skip
    return made


def test_a_database_that_is_stopped(shop: Watched) -> None:
    burn, lag = shop.well(("AvailabilityBudgetBurn", "catalog"), ("ConsumerLags", "catalog"))
    shop.postgres.kill()
    try:
        shop.tell(f"warehouse.{STOCK_CHANGED}", stock(60))
        show(shop, burn, lag)
    finally:
        shop.postgres.start()


def test_a_table_that_is_locked_again_and_again(shop: Watched) -> None:
    (slow,) = shop.well(("LatencyBudgetBurn", "catalog"))
    locked = "BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT"

    def unseen() -> list[str]:
        shop.postgres.execute(locked, "catalog")
        return slow.unseen()

    shop.until_none("panels that do not show it", unseen)


def test_a_job_that_cannot_be_done(shop: Watched) -> None:
    (fails,) = shop.well(("ScheduleFails", "catalog"))
    shop.postgres.execute("ALTER TABLE planned_price RENAME TO somewhere_else", "catalog")
    try:
        show(shop, fails)
    finally:
        shop.postgres.execute("ALTER TABLE somewhere_else RENAME TO planned_price", "catalog")


def test_transactions_that_do_not_end(shop: Watched) -> None:
    faults = shop.well(("DatabaseTransactionOpen", "catalog"), ("DatabaseConnectionsNearlyUsed", "catalog"))

    async def held() -> None:
        url = shop.postgres.url("catalog")
        connections = [await asyncpg.connect(url) for _ in range(60)]
        for connection in connections:
            await connection.execute("BEGIN; SELECT 1")
        await asyncio.to_thread(show, shop, *faults)
        for connection in connections:
            await connection.close()

    asyncio.run(held())


def test_a_database_that_fills_up(shop: Watched) -> None:
    (full,) = shop.well(("DatabaseNearlyFull", "catalog"))
    filled = "CREATE TABLE filled AS SELECT repeat(md5(n::text), 100) FROM generate_series(1, 10000) AS n"
    shop.postgres.execute(filled, "catalog")
    try:
        show(shop, full)
    finally:
        shop.postgres.execute("DROP TABLE filled", "catalog")


def test_a_broker_that_is_stopped(shop: Watched) -> None:
    unpublished, unseen = shop.well(("EventsNotPublished", "catalog"), ("BrokerNotSeen", ""))
    shop.nats.kill()
    try:
        change_prices(shop)
        show(shop, unpublished, unseen)
    finally:
        shop.nats.start()


def change_prices(shop: Watched) -> None:
    path = f"{shop.url('catalog')}/admin/products/{shop.product['id']}/price"
    for amount in range(1000, 1005):
        price = {"amount": amount, "currency": shop.product["price"]["currency"]}
        httpx.put(path, json=price, headers=shop.admin, trust_env=False).raise_for_status()


def test_an_event_that_nobody_can_read(shop: Watched) -> None:
    """The first one there ever was, so that no series had been there before."""
    (buried,) = shop.well(("EventsDeadLettered", "catalog"))
    shop.tell(f"warehouse.{STOCK_CHANGED}", [b"no event"])
    show(shop, buried)


def test_a_service_that_is_gone(shop: Watched) -> None:
    given_up, unscraped = shop.well(("CircuitOpen", "cart"), ("NotScraped", "catalog"))
    catalog = shop.services["catalog"]
    catalog.kill()
    try:
        show(shop, given_up, unscraped)
    finally:
        catalog.start()


def test_an_order_whose_warehouse_is_away(shop: Watched) -> None:
    """Ten tries of its first step are some minute and a half."""
    (stuck,) = shop.well(("OrderSagaStuck", "order-processing"))
    order = placed()
    event = Event(
        source="/order-taking", type=ORDER_PLACED, subject=str(order.order_id), sequence=1,
        data=order.model_dump(mode="json"),
    )  # fmt: skip
    shop.tell(f"order-taking.{ORDER_PLACED}", [event.encode()])
    show(shop, stuck, seconds=240)


def placed() -> OrderPlaced:
    """An order of one lamp."""
    eur = lambda amount: Money(amount=amount, currency="EUR")  # noqa: E731
    line = OrderLine(
        product_id=uuid4(), sku="LGT-0042", title="Oak desk lamp", quantity=1, unit_price=eur(4900),
        discount=eur(0), tax=eur(782), total=eur(4900), weight_grams=750,
    )  # fmt: skip
    where = Address(name="Ann", line1="Lindenallee 12", city="Berlin", postal_code="10115", country="DE")
    return OrderPlaced(
        order_id=uuid4(), subject="ann", email="ann@example.com", lines=[line], subtotal=eur(4900),
        discount=eur(0), shipping=eur(490), shipping_tax=eur(0), tax=eur(782), total=eur(5390),
        prices_include_tax=True, coupon=None, shipping_address=where, billing_address=where,
        shipping_option="standard", payment_method="tok_visa", locale="en", placed_at="2026-11-21T12:00:00Z",
    )  # fmt: skip


def test_a_broker_that_fills_up(shop: Watched) -> None:
    (full,) = shop.well(("BrokerNearlyFull", ""))
    shop.tell("warehouse.nobody-takes-it", [b"x" * 500_000] * 40)
    show(shop, full)


def test_a_cache_that_fills_up(shop: Watched) -> None:
    (full,) = shop.well(("CacheNearlyFull", "cart"))
    client = redis.Redis.from_url(shop.redis.url)
    keys = [f"filled:{number}" for number in range(20)]
    for key in keys:
        client.set(key, "x" * 1_000_000)
    try:
        show(shop, full)
    finally:
        client.delete(*keys)


def test_a_cache_that_cannot_write(shop: Watched) -> None:
    """The last one: its log goes to a device that is always full."""
    (broken,) = shop.well(("CacheNotWritten", "cart"))
    logs = shop.redis.folder / "appendonlydir"
    for number in range(2, 6):
        (logs / f"appendonly.aof.{number}.incr.aof").symlink_to("/dev/full")
    client = redis.Redis.from_url(shop.redis.url)
    client.bgrewriteaof()

    def unseen() -> list[str]:
        with suppress(redis.RedisError):
            client.set("written", "or not")
        return broken.unseen()

    shop.until_none("panels that do not show it", unseen)
