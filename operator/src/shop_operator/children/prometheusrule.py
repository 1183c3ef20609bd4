"""The PrometheusRule: records how the service keeps its objectives, and alerts before it breaks them."""

from typing import Any

from shop_operator.api import Monitoring, ShopService
from shop_operator.api.slo import Slo
from shop_operator.children import objectives
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import manifest
from shop_operator.children.objectives import Objective, Series, Severity

LONG_MINUTES = 6 * 60
"""Windows above this change slowly: they are read every two minutes, not every 30 seconds."""
LONG_EVALUATION = "2m"


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One object with all rules of the service, where it has objectives."""
    slo = shop.spec.slo
    if slo is None or "PrometheusRule" not in context.kinds:
        return []
    short, long = _rules(shop, slo, context)
    spec = {
        "groups": [
            {"name": "slo", "interval": f"{objectives.EVALUATION_SECONDS}s", "rules": short},
            {"name": "slo-long", "interval": LONG_EVALUATION, "rules": long},
        ]
    }
    labels = (shop.spec.monitoring or Monitoring()).labels
    return [
        manifest(shop, "monitoring.coreos.com/v1", "PrometheusRule", "service", more_labels=labels, spec=spec)
    ]


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """Objectives that nobody watches on this cluster."""
    if shop.spec.slo is None:
        return []
    missing = [kind for kind in ("PodMonitor", "PrometheusRule") if kind not in context.kinds]
    if not missing:
        return []
    message = (
        f"spec.slo needs {' and '.join(missing)} of the Prometheus Operator, which this cluster lacks:"
        " install it, so that somebody is told when the objectives are not kept"
    )
    return [Gap("ObjectivesWatched", "KindNotAvailable", message)]


def _rules(shop: ShopService, slo: Slo, context: Context) -> tuple[list[Any], list[Any]]:
    """Those that are read often, and those that are not. In each what is recorded comes before its alert."""
    period = objectives.days(slo)
    short: list[Any] = []
    long: list[Any] = []
    for objective in objectives.objectives(slo):
        series = Series(shop, objective)
        pairs = objectives.pairs(objective, period)
        windows = {window for pair in pairs for window in (pair.long, pair.short)}
        short += series.rules({window for window in windows if window <= LONG_MINUTES})
        long += [series.ratio_rule(window) for window in sorted(windows) if window > LONG_MINUTES]
        long += series.budget_rules(shop, period)
        groups: dict[Severity, list[Any]] = {"page": short, "ticket": long}
        for severity, group in groups.items():
            if alerted := [pair for pair in pairs if pair.severity == severity]:
                group.append(_alert(shop, slo, context, objective, severity, series.burning(alerted)))
    return short, long


def _alert(
    shop: ShopService, slo: Slo, context: Context, objective: Objective, severity: Severity, expression: str
) -> dict[str, Any]:
    name = f"{objective.slo.capitalize()}BudgetBurn"
    fault = "fail" if objective.slo == "availability" else f"take longer than {objective.threshold}"
    allowed = f"{(objective.allowed * 100).normalize():f} %"
    return {
        "alert": name,
        "expr": expression,
        "labels": {"severity": severity, "slo": objective.slo},
        "annotations": {
            "summary": f"{shop.namespace}/{shop.name}: too many requests {fault}",
            "description": f"{{{{ $value | humanizePercentage }}}} of the requests {fault},"
            f" where {allowed} may: the budget of {slo.window} is used up too fast.",
            "runbook_url": f"{context.settings.runbook_url}/services.md#{name.lower()}",
        },
    }
