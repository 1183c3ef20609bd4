"""The Grafana dashboards, as code: generated at development time with Grafana's own SDK, committed as JSON.

The operator fills in the service's from the committed template and never loads the SDK; the chart carries
its own. Queries name what docs/contracts.md promises; a test has each of them answered.
"""

from shop_platform.dashboards import operator, service

__all__ = ["operator", "service"]
