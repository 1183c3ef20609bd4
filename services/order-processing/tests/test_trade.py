"""What was sold and given back, as it is counted: once, and only what was committed."""

from prometheus_client import CollectorRegistry
from shop_chassis.settings import Settings
from shop_chassis.store import opened
from shop_order_processing.metrics import TradeMetrics

from .neighbours import World, placed
from .test_engine import Pod, cancelled_after_capture


async def test_revenue_is_what_was_confirmed_and_refunds_what_went_back(sqlite_url: str) -> None:
    registry = CollectorRegistry()
    order = placed()
    async with opened(Settings(database_url=sqlite_url), "trade") as store:
        pod = Pod(store, World())
        pod.orders.witnesses.add(TradeMetrics(registry).happened)
        await pod.place(order)
        await cancelled_after_capture(pod, order.order_id)
    total = {"currency": order.total.currency}
    for name in ("order_revenue_minor_units_total", "order_refunds_minor_units_total"):
        assert registry.get_sample_value(name, total) == order.total.amount


async def test_what_is_rolled_back_was_never_sold(sqlite_url: str) -> None:
    told = []
    order = placed()
    async with opened(Settings(database_url=sqlite_url), "trade") as store:
        pod = Pod(store, World())
        pod.orders.witnesses.add(lambda type, data: told.append(type))
        async with store.transaction() as session:
            await pod.orders.place(session, order)
            await session.rollback()
        assert told == []
        await pod.place(order)
    assert told == ["order.changed"]
