"""What the sagas show. Gauges are counted in the database, so every replica shows the same."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import BaseModel
from shop_chassis.metrics import BUCKETS
from shop_chassis.tables import utc_now
from shop_contracts.order_processing import events

from shop_order_processing.store import Counts


class SagaMetrics:
    """One set per service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge(
            "order_sagas_open", "Sagas that are not at their end.", ["kind", "state"], registry=registry
        )
        self._stuck = Gauge("order_sagas_stuck", "Open sagas that need a person.", registry=registry)
        self._oldest: datetime | None = None
        age = Gauge(
            "order_sagas_oldest_seconds", "Age of the oldest open saga, 0 for none.", registry=registry
        )
        age.set_function(lambda: (utc_now() - self._oldest).total_seconds() if self._oldest else 0.0)
        self._steps = Counter(
            "order_saga_steps",
            "Tries of steps, by what came of them.",
            ["kind", "step", "direction", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "order_saga_step_duration_seconds",
            "Of one try.",
            ["kind", "step", "direction"],
            buckets=BUCKETS,
            registry=registry,
        )

    def tried(self, kind: str, step: str, direction: str, outcome: str, seconds: float) -> None:
        """One try is over."""
        self._steps.labels(kind, step, direction, outcome).inc()
        self._seconds.labels(kind, step, direction).observe(seconds)

    def counted(self, counts: Counts) -> None:
        """What the database says now."""
        self._open.clear()
        for (kind, state), number in counts.by_state.items():
            self._open.labels(kind, state).set(number)
        self._stuck.set(counts.stuck)
        self._oldest = counts.oldest


class TradeMetrics:
    """Money of the orders that this process brought forward, by currency: one for each that is sold in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._revenue = Counter(
            "order_revenue_minor_units",
            "Totals of orders that were confirmed, in minor units (cents).",
            ["currency"],
            registry=registry,
        )
        self._refunds = Counter(
            "order_refunds_minor_units", "What was refunded of them.", ["currency"], registry=registry
        )

    def happened(self, type: str, data: BaseModel) -> None:
        """An event of an order has been committed."""
        match data:
            case events.OrderRefunded(amount=amount):
                self._refunds.labels(amount.currency).inc(amount.amount)
            case events.OrderEvent(order=order) if type == events.ORDER_CONFIRMED:
                self._revenue.labels(order.total.currency).inc(order.total.amount)
