"""The PodMonitor: tells the Prometheus Operator to scrape the pods."""

from shop_operator.api import Monitoring, ShopService
from shop_operator.children.container import main_port
from shop_operator.children.context import Context, Manifest
from shop_operator.children.deployment import container_ports
from shop_operator.children.meta import NAME_LABEL, manifest, selector


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The series carry job=<name of the service>: the autoscaler's queries select by it."""
    monitoring = shop.spec.monitoring or Monitoring()
    if not monitoring.enabled or "PodMonitor" not in context.kinds:
        return []
    scraped = monitoring.port or main_port(shop)
    port = next(port["name"] for port in container_ports(shop) if port["containerPort"] == scraped)
    spec = {
        "jobLabel": NAME_LABEL,
        "selector": {"matchLabels": selector(shop, "service")},
        "podMetricsEndpoints": [{"port": port, "path": monitoring.path, "interval": monitoring.interval}],
    }
    return [
        manifest(
            shop,
            "monitoring.coreos.com/v1",
            "PodMonitor",
            "service",
            more_labels=monitoring.labels,
            spec=spec,
        )
    ]
