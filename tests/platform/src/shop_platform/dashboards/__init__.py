"""The Grafana dashboards, as code: generated at development time with Grafana's own SDK, committed as JSON.

The operator fills in the service's from the committed template and never loads the SDK; the charts carry
theirs. Queries name what docs/contracts.md promises; a test has each of them answered.
"""

from shop_platform.dashboards import autoscaling, events, operator, service, shop, slo

__all__ = ["OF_SHOP", "operator", "service"]

OF_SHOP = {"autoscaling": autoscaling, "events": events, "shop": shop, "slo": slo}
"""Those of the shop's chart, by file."""
