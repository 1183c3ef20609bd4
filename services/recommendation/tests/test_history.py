"""What is kept of what shoppers did is bounded; on every database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shop_recommendation import history
from shop_recommendation.history import History, day_of, record
from shop_recommendation.tables import Interaction
from sqlalchemy import func, select

NOW = datetime.now(UTC)


async def put(shop: Any, actor: str, kind: Any, product: UUID, days: float) -> None:
    at = NOW - timedelta(days=days)
    async with shop.runtime.store.transaction() as session:
        await record(session, actor, kind, day_of(at), [product], at)


async def kept(shop: Any) -> int:
    async with shop.runtime.store.session() as session:
        return int((await session.execute(select(func.count()).select_from(Interaction))).scalar_one())


async def scheduled(shop: Any) -> None:
    """The service has removed what was old at its start, and does not count along."""
    labels = {"name": "old interactions", "outcome": "done"}
    async with asyncio.timeout(20):
        while not shop.runtime.metrics.get_sample_value("schedule_runs_total", labels):
            await asyncio.sleep(0.01)


async def test_what_is_old_goes_orders_last(shop: Any) -> None:
    product, store = uuid4(), History(shop.runtime.store)
    await scheduled(shop)
    for kind in ("view", "cart", "order"):
        for days in (1, 89, 91, 399, 401):
            await put(shop, "ann", kind, product, days)
    assert await store.prune() == 3 + 3 + 1
    assert await kept(shop) == 2 + 2 + 4
    assert await store.prune() == 0


async def test_of_one_that_looks_at_everything_the_newest_is_kept(shop: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(history, "MOST_OF_ONE", 5)
    monkeypatch.setattr(history, "BATCH", 3)
    products = [uuid4() for _ in range(12)]
    await scheduled(shop)
    for place, product in enumerate(products):
        await put(shop, "robot", "view", product, place)
    await put(shop, "ann", "view", products[0], 1)
    store = History(shop.runtime.store)
    assert await store.prune() == 7
    assert [seen.product for seen in await store.recent("robot")] == products[:5]
    assert len(await store.recent("ann")) == 1


async def test_a_day_is_one_occasion_and_keeps_its_last_time(shop: Any) -> None:
    product, store = uuid4(), History(shop.runtime.store)
    noon = NOW.replace(hour=12) - timedelta(days=2)
    async with shop.runtime.store.transaction() as session:
        for minutes in (0, 30, -30):
            at = noon + timedelta(minutes=minutes)
            await record(session, "ann", "view", day_of(at), [product], at)
    [seen] = await store.recent("ann")
    assert seen.at == noon + timedelta(minutes=30)


async def test_nobody_looks_at_something_in_the_future(shop: Any) -> None:
    product, store = uuid4(), History(shop.runtime.store)
    await put(shop, "ann", "view", product, -3)
    [seen] = await store.recent("ann")
    assert seen.at <= datetime.now(UTC)
