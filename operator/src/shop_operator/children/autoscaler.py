"""The autoscaler: a KEDA ScaledObject, or where KEDA is absent a plain HPA on what that can measure."""

from typing import Any

from shop_operator.api import Autoscaling, Metric, ShopService, quantity
from shop_operator.api.scaling import Behavior, ScalingRules
from shop_operator.children import signals
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import manifest

RESOURCES = {"Cpu": "cpu", "Memory": "memory"}
"""What a plain HPA can do too."""
POLLING_SECONDS = 5
FAILURES = 3
"""Failed reads of a metric after which KEDA falls back."""
STABILIZATION_SECONDS = 60
"""How long fewer pods have to be right until some are removed."""


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """At most one of the two, and none where no metric can be had: the number of pods then stays. Beside
    somebody else's autoscaler none either, since of two neither would work."""
    autoscaling = shop.spec.autoscaling
    if autoscaling is None or context.autoscalers:
        return []
    if "ScaledObject" in context.kinds:
        return [_scaled_object(shop, autoscaling, context)]
    metrics = [metric for metric in autoscaling.metrics if metric.type in RESOURCES]
    return [_hpa(shop, autoscaling, metrics)] if metrics else []


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """What of spec.autoscaling or spec.replicas cannot work on this cluster."""
    if context.autoscalers:
        field = "autoscaling" if shop.spec.autoscaling else "replicas"
        message = (
            f"spec.{field} is not followed: Deployment {shop.name} is scaled by HorizontalPodAutoscaler"
            f" {', '.join(sorted(context.autoscalers))} of somebody else, and by one side alone. Delete that;"
            " spec.autoscaling can do the same"
        )
        return [Gap("AutoscalingActive", "ForeignAutoscaler", message)]
    if shop.spec.autoscaling is None:
        return []
    found = []
    for index, metric in enumerate(shop.spec.autoscaling.metrics):
        missing = None
        if metric.type not in RESOURCES and "ScaledObject" not in context.kinds:
            missing = "KEDA, which this cluster lacks: install it, or scale on Cpu or Memory"
        elif metric.type in signals.SERIES and "PodMonitor" not in context.kinds:
            missing = (
                "the Prometheus Operator, which this cluster lacks: install it, so that the pods are scraped"
            )
        if missing:
            message = f"spec.autoscaling.metrics[{index}]: {metric.type} needs {missing}"
            found.append(Gap("AutoscalingActive", "MetricNotAvailable", message))
    return found


def _scaled_object(shop: ShopService, autoscaling: Autoscaling, context: Context) -> Manifest:
    spec: dict[str, Any] = {
        "scaleTargetRef": {"name": shop.name},
        "minReplicaCount": autoscaling.min,
        "maxReplicaCount": autoscaling.max,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(autoscaling)}},
        "triggers": [_trigger(shop, metric, context) for metric in autoscaling.metrics],
    }
    if autoscaling.min == 0:
        # Only between none and one does KEDA itself poll. From one on the HPA asks, at its own pace: with
        # KEDA's cache in between it would get older values for more queries.
        spec |= {
            "pollingInterval": POLLING_SECONDS,
            "cooldownPeriod": autoscaling.cooldown_seconds,
            # Without it KEDA ends all pods that it finds as soon as it begins.
            "initialCooldownPeriod": autoscaling.cooldown_seconds,
        }
    if any(metric.type not in RESOURCES for metric in autoscaling.metrics):  # or KEDA refuses a fallback
        # Without an answer nothing changes; but a worker at zero whose queue cannot be read is started, since
        # it may be the one that creates its consumer.
        spec["fallback"] = {
            "failureThreshold": FAILURES,
            "replicas": max(autoscaling.min, 1),
            "behavior": "currentReplicasIfHigher",
        }
    return manifest(shop, "keda.sh/v1alpha1", "ScaledObject", "service", spec=spec)


def _trigger(shop: ShopService, metric: Metric, context: Context) -> dict[str, Any]:
    settings = context.settings
    if metric.type in RESOURCES:
        return {
            "type": RESOURCES[metric.type],
            "metricType": "Utilization",
            "metadata": {"value": str(_whole(metric))},
        }
    if metric.type == "QueueLag":
        return {
            "type": "nats-jetstream",
            "metadata": {
                "natsServerMonitoringEndpoint": settings.events_monitoring,
                "account": "$G",
                "stream": metric.stream,
                "consumer": metric.consumer,
                "lagThreshold": str(_whole(metric)),
            },
        }
    return {
        "type": "prometheus",
        "name": metric.name,
        "metadata": {
            "serverAddress": settings.prometheus_url,
            "query": metric.query or signals.query(shop, metric),
            "threshold": signals.target(metric),
            "ignoreNullValues": "false",
        },
    }


def _hpa(shop: ShopService, autoscaling: Autoscaling, metrics: list[Metric]) -> Manifest:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": shop.name},
        "minReplicas": autoscaling.min,
        "maxReplicas": autoscaling.max,
        "behavior": _behavior(autoscaling),
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": RESOURCES[metric.type],
                    "target": {"type": "Utilization", "averageUtilization": _whole(metric)},
                },
            }
            for metric in metrics
        ],
    }
    return manifest(shop, "autoscaling/v2", "HorizontalPodAutoscaler", "service", spec=spec)


def _whole(metric: Metric) -> int:
    return int(quantity.value(metric.target))


def _behavior(autoscaling: Autoscaling) -> dict[str, Any]:
    """Up at once to what the metrics ask for; down by halves, when that was right for a while. What the
    service says itself replaces that, field by field."""
    patience = autoscaling.scale_down_stabilization_seconds
    up = {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": autoscaling.max, "periodSeconds": 15}],
    }
    down = {
        "stabilizationWindowSeconds": STABILIZATION_SECONDS if patience is None else patience,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 15}],
    }
    behavior = autoscaling.behavior or Behavior()
    return {"scaleUp": up | _given(behavior.scale_up), "scaleDown": down | _given(behavior.scale_down)}


def _given(rules: ScalingRules | None) -> dict[str, Any]:
    return rules.model_dump(by_alias=True, exclude_defaults=True) if rules else {}
