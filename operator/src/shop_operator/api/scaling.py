"""How many pods: by which metrics, between which bounds."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api import quantity
from shop_operator.api.base import Model, Quantity, Rule, once


class Metric(Model):
    """One thing to scale on. The autoscaler follows whichever metric asks for most pods."""

    type: Literal["RequestsPerSecond", "Concurrency", "QueueLag", "Cpu", "Memory"]
    """RequestsPerSecond: finished requests per second. Concurrency: requests in flight, on average.
    QueueLag: messages that wait in a durable consumer of the broker. Cpu, Memory: per cent of the
    request. The first three need KEDA."""
    target: Quantity
    """What one pod is to carry: a number, for Cpu and Memory per cent of its request."""
    stream: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the JetStream stream."""
    consumer: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the durable consumer on that stream."""

    rules: ClassVar = (
        Rule(
            field="target",
            message="target must be above 0",
            cel="quantity(string(self.target)).isGreaterThan(quantity('0'))",
            holds=lambda metric: quantity.value(metric.target) > 0,
        ),
        Rule(
            field="target",
            message="target of Cpu, Memory and QueueLag must be a whole number",
            cel="!(self.type in ['Cpu', 'Memory', 'QueueLag']) || quantity(string(self.target)).isInteger()",
            holds=lambda metric: (
                metric.type not in ("Cpu", "Memory", "QueueLag") or quantity.value(metric.target) % 1 == 0
            ),
        ),
        Rule(
            field="stream",
            message="stream and consumer belong to QueueLag, which needs both",
            cel="self.type == 'QueueLag' ? has(self.stream) && has(self.consumer)"
            " : !has(self.stream) && !has(self.consumer)",
            holds=lambda metric: (
                [metric.stream, metric.consumer].count(None) == (0 if metric.type == "QueueLag" else 2)
            ),
        ),
    )


class Autoscaling(Model):
    """How many pods, by the service's own metrics."""

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    """Fewest pods. 0 lets a worker that scales on QueueLag alone stop when nothing waits."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """Most pods."""
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=8)]
    """What to scale on."""
    scale_down_stabilization_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """Pods are removed only when that was right for so long."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86400)] = 30
    """With min 0: seconds from the last message to the last pod's end."""

    rules: ClassVar = (
        Rule(
            field="min",
            message="min must not be above max",
            cel="self.min <= self.max",
            holds=lambda autoscaling: autoscaling.min <= autoscaling.max,
        ),
        Rule(
            field="min",
            message="min can be 0 only when every metric is QueueLag: nothing else is measured without a pod",
            cel="self.min > 0 || self.metrics.all(m, m.type == 'QueueLag')",
            holds=lambda autoscaling: (
                autoscaling.min > 0 or all(metric.type == "QueueLag" for metric in autoscaling.metrics)
            ),
        ),
        Rule(
            field="metrics",
            message="metrics must name each type once, QueueLag apart",
            cel="self.metrics.all(m, m.type == 'QueueLag' || self.metrics.exists_one(n, n.type == m.type))",
            holds=lambda autoscaling: once(
                [metric.type for metric in autoscaling.metrics if metric.type != "QueueLag"]
            ),
        ),
    )
