"""The PodMonitors: tell the Prometheus Operator to scrape the pods of service, database and cache."""

from typing import Any

from shop_operator.api import Monitoring, ShopService
from shop_operator.children import cache, database, exporter, signals
from shop_operator.children.container import main_port
from shop_operator.children.context import Context, Manifest
from shop_operator.children.deployment import container_ports
from shop_operator.children.meta import NAME_LABEL, Component, manifest, selector

SCALED_INTERVAL, INTERVAL = "2s", "5s"
"""Where the autoscaler waits for what a scrape says, and elsewhere."""
STORE_INTERVAL = "15s"
"""Nobody scales by what a database or cache says of itself."""
OWN = "(go|process|promhttp)_.+"
"""Series of an exporter about itself."""


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The service's, whose series carry job=<name of the service>: the autoscaler's queries select by it; and
    one for each exporter."""
    monitoring = shop.spec.monitoring or Monitoring()
    if not monitoring.enabled or "PodMonitor" not in context.kinds:
        return []
    scraped = monitoring.port or main_port(shop)
    port = next(port["name"] for port in container_ports(shop) if port["containerPort"] == scraped)
    endpoint = {"port": port, "path": monitoring.path, "interval": monitoring.interval or _interval(shop)}
    found = [_monitor(shop, "service", shop.name, endpoint, jobLabel=NAME_LABEL)]
    if database.dedicated(shop) and exporter.port(shop, "database", context):
        found.append(_monitor(shop, "database", database.name(shop), _of_store(database.name(shop))))
    if shop.spec.cache and exporter.port(shop, "cache", context):
        found.append(_monitor(shop, "cache", cache.name(shop), _of_store(cache.name(shop))))
    return found


def _interval(shop: ShopService) -> str:
    autoscaling = shop.spec.autoscaling
    scaled = autoscaling and any(metric.type in signals.SERIES for metric in autoscaling.metrics)
    return SCALED_INTERVAL if scaled else INTERVAL


def _of_store(job: str) -> dict[str, Any]:
    """Not of the service's job: who asks whether that is up, or what it needs, must not find its database."""
    return {
        "port": exporter.PORT_NAME,
        "path": "/metrics",
        "interval": STORE_INTERVAL,
        "relabelings": [{"targetLabel": "job", "replacement": job}],
        "metricRelabelings": [
            {"sourceLabels": ["__name__"], "regex": OWN, "action": "drop"},
            {"regex": "server", "action": "labeldrop"},
        ],
    }


def _monitor(
    shop: ShopService,
    component: Component,
    name: str,
    endpoint: dict[str, Any],
    **more: Any,
) -> Manifest:
    spec = {
        **more,
        "selector": {"matchLabels": selector(shop, component)},
        "podMetricsEndpoints": [endpoint],
    }
    labels = (shop.spec.monitoring or Monitoring()).labels
    return manifest(
        shop,
        "monitoring.coreos.com/v1",
        "PodMonitor",
        component,
        name=name,
        more_labels=labels,
        spec=spec,
    )
