"""The operator's own dashboard: what it does, what that costs, and how all ShopServices are."""

from __future__ import annotations

from typing import Any

from shop_platform.dashboards.panels import Query, Section, dashboard, lines, number, plain, process, states

UID = "shop-operator"
_RECONCILE = "shop_operator_reconcile_duration_seconds"


def built() -> dict[str, Any]:
    """The whole dashboard."""
    whole = dashboard("Shop operator", UID)
    for one in _SECTIONS:
        one.on(whole)
    found: dict[str, Any] = plain(whole)
    return found


def _rate(series: str, by: str = "") -> str:
    grouped = f" by ({by}) " if by else ""
    return f"sum{grouped}(rate({series}[$__rate_interval]))"


def _quantile(share: float) -> Query:
    return Query(
        f"histogram_quantile({share}, {_rate(_RECONCILE + '_bucket', by='le')})", f"p{share * 100:.0f}"
    )


def _where(condition: str, value: int) -> str:
    return f'count(shop_service_condition{{condition="{condition}"}} == {value}) or vector(0)'


_SECTIONS = (
    Section(
        "ShopServices",
        number("ShopServices", "count(shop_service_replicas_desired)"),
        number("Not ready", _where("Ready", 0), bad_above=1),
        number("Degraded", _where("Degraded", 1), bad_above=1),
        number("Not reconciled", _where("Reconciled", 0), bad_above=1),
        number("Being retried", "sum(shop_operator_retrying)", bad_above=1),
        number(
            "Least budget left",
            "min(shopservice:slo_budget_remaining:ratio)",
            unit="percentunit",
            bad_below=0.1,
            none="no objectives",
        ),
        states(
            "Conditions",
            Query(
                'shop_service_condition{condition=~"Ready|Degraded|Reconciled"}',
                "{{namespace}}/{{name}} {{condition}}",
            ),
            about="Which of many are not as they should be: kubectl get shopservices -A.",
        ),
        lines("Ready pods", Query("shop_service_replicas_ready", "{{namespace}}/{{name}}"), width=12),
        lines(
            "Pods that are missing",
            Query(
                "shop_service_replicas_desired - shop_service_replicas_ready > 0 or"
                " 0 * sum(shop_service_replicas_desired)",
                "{{namespace}}/{{name}}",
            ),
            width=12,
        ),
    ),
    Section(
        "Work",
        lines("Reconciles", Query(_rate(f"{_RECONCILE}_count", by="outcome"), "{{outcome}}"), unit="ops"),
        lines("Time of a reconcile", *map(_quantile, (0.5, 0.95, 0.99)), unit="s"),
        lines(
            "Queue",
            Query("sum(shop_operator_queue_depth)", "waiting"),
            Query("sum(shop_operator_in_work)", "in work"),
            Query("sum(shop_operator_retrying)", "to be retried"),
        ),
        lines("Oldest in the queue", Query("max(shop_operator_queue_age_seconds)", "age"), unit="s"),
        lines(
            "Drift repaired",
            Query(_rate("shop_operator_drift_repaired_total", by="kind,what"), "{{kind}} {{what}}"),
            unit="ops",
            none="no drift",
        ),
        lines(
            "Put off",
            Query(_rate("shop_operator_errors_total", by="reason"), "{{reason}}"),
            unit="ops",
            none="no errors",
        ),
    ),
    Section(
        "Process",
        lines(
            "Answers",
            Query('sum(up{job="shop-operator"}) or vector(0)', "scraped"),
            width=12,
            about="0: nothing is reconciled, and all other panels here stand still.",
        ),
        lines(
            "Starts, 30 min",
            Query('changes(process_start_time_seconds{job="shop-operator"}[30m])', "{{pod}}"),
            width=12,
            none="not scraped",
        ),
    ),
    Section(
        "Cost",
        lines(
            "API calls",
            Query(_rate("shop_operator_api_calls_total", by="verb,kind"), "{{verb}} {{kind}}"),
            unit="reqps",
            width=12,
        ),
        lines(
            "API calls that failed",
            Query(
                _rate('shop_operator_api_calls_total{code!~"2.."}', by="verb,kind,code"),
                "{{verb}} {{kind}} {{code}}",
            ),
            unit="reqps",
            width=12,
            none="none",
            about="Code 0: no answer. 404 of a get is a child that is not there yet.",
        ),
        *process('job="shop-operator"', width=12),
    ),
)
"""How the services are, what the operator does for that, and what it costs."""
