"""How many pods: by which metrics, between which bounds."""

# ruff: noqa: RUF012 - pydantic copies default lists
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api import quantity
from shop_operator.api.base import Model, Quantity, Rule, once

ALONE = ("QueueLag", "Prometheus")
"""Metrics of which there can be several, and that exist without any pod."""


class Metric(Model):
    """One thing to scale on. The autoscaler follows whichever metric asks for most pods."""

    type: Literal["RequestsPerSecond", "Concurrency", "QueueLag", "Cpu", "Memory", "Prometheus"]
    """RequestsPerSecond: requests that come, per second. Concurrency: requests in flight, on average. While
    most pods are ready no more, or callers hold back most requests, these two take no pod away.
    QueueLag: messages that wait in a durable consumer of the broker. Cpu, Memory: per cent of the
    request. Prometheus: the answer to a query of your own. All but Cpu and Memory need KEDA."""
    target: Quantity
    """What one pod is to carry: a number, for Cpu and Memory per cent of its request."""
    stream: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the JetStream stream."""
    consumer: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the durable consumer on that stream."""
    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-_a-z0-9]*[a-z0-9])?$")] | None = None
    """Prometheus: what the metric is called, unique within the service."""
    query: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Prometheus: PromQL that gives one number, the sum over all pods. No result is a failed reading, not
    0: then nothing changes."""

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
        Rule(
            field="query",
            message="query and name belong to Prometheus, which needs both",
            cel="self.type == 'Prometheus' ? has(self.query) && has(self.name)"
            " : !has(self.query) && !has(self.name)",
            holds=lambda metric: (
                [metric.query, metric.name].count(None) == (0 if metric.type == "Prometheus" else 2)
            ),
        ),
    )


class ScalingPolicy(Model):
    """A bound on how fast the number of pods changes."""

    type: Literal["Pods", "Percent"]
    """Pods: so many. Percent: per cent of those there are."""
    value: Annotated[int, Field(ge=1, le=100000)]
    """How many pods, or how many per cent."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """Within so many seconds."""


class ScalingRules(Model):
    """How the number of pods changes in one direction, as in autoscaling/v2. What is left out keeps its
    default."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """The change is made only when that was right for so long. Default: 0 up; down see
    scaleDownStabilizationSeconds."""
    policies: Annotated[list[ScalingPolicy], Field(max_length=8)] = []
    """How fast. Default: up at once to what the metrics ask for, down by half every 15 seconds."""
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    """Which of several policies counts: the one that changes most (Max, the default) or least (Min).
    Disabled: no change in this direction."""


class Behavior(Model):
    """How fast the number of pods follows the metrics."""

    scale_up: ScalingRules | None = None
    """When more pods are needed."""
    scale_down: ScalingRules | None = None
    """When fewer pods are needed."""


class Autoscaling(Model):
    """How many pods, by the service's own metrics."""

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    """Fewest pods. 0 lets a worker that scales on QueueLag or Prometheus alone stop when nothing waits."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """Most pods."""
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=8)]
    """What to scale on."""
    scale_down_stabilization_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Pods are removed only when that was right for so long; default 60."""
    behavior: Behavior | None = None
    """How fast pods come and go; default: come at once, go by half every 15 seconds."""
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
            message="min can be 0 only when every metric is QueueLag or Prometheus:"
            " nothing else is measured without a pod",
            cel=f"self.min > 0 || self.metrics.all(m, m.type in {list(ALONE)})",
            holds=lambda autoscaling: (
                autoscaling.min > 0 or all(metric.type in ALONE for metric in autoscaling.metrics)
            ),
        ),
        Rule(
            field="metrics",
            message="metrics must name each type once, QueueLag and Prometheus apart",
            cel=f"self.metrics.all(m, m.type in {list(ALONE)}"
            " || self.metrics.exists_one(n, n.type == m.type))",
            holds=lambda autoscaling: once(
                [metric.type for metric in autoscaling.metrics if metric.type not in ALONE]
            ),
        ),
        Rule(
            field="metrics",
            message="metrics of type Prometheus must have a name each of their own",
            cel="self.metrics.all(m, !has(m.name)"
            " || self.metrics.exists_one(n, has(n.name) && n.name == m.name))",
            holds=lambda autoscaling: once(
                [metric.name for metric in autoscaling.metrics if metric.name is not None]
            ),
        ),
        Rule(
            field="scaleDownStabilizationSeconds",
            message="scaleDownStabilizationSeconds and behavior.scaleDown.stabilizationWindowSeconds are the"
            " same: give one of them",
            cel="!has(self.scaleDownStabilizationSeconds) || !has(self.behavior)"
            " || !has(self.behavior.scaleDown)"
            " || !has(self.behavior.scaleDown.stabilizationWindowSeconds)",
            holds=lambda autoscaling: (
                autoscaling.scale_down_stabilization_seconds is None
                or autoscaling.behavior is None
                or autoscaling.behavior.scale_down is None
                or autoscaling.behavior.scale_down.stabilization_window_seconds is None
            ),
        ),
    )
