"""Objectives of all services: how much of each budget is left, and how fast it goes."""

from __future__ import annotations

from typing import Any

from shop_platform.dashboards.panels import Query, Section, lines, number, of_shop

HERE = 'namespace="$namespace"'
_LEFT, _ERRORS = (f"shopservice:slo_{what}:ratio" for what in ("budget_remaining", "errors"))
_ALLOWED = f"(1 - shopservice:slo_objective:ratio{{{HERE}}})"


def built() -> dict[str, Any]:
    """The whole dashboard."""
    return of_shop("Objectives", "shop-slo", _SECTIONS)


def _burn(window: str) -> Query:
    burnt = f'{_ERRORS}{{{HERE},window="{window}"}} / on (namespace, job, slo) group_left () {_ALLOWED}'
    return Query(burnt, "{{job}} {{slo}}")


def _firing(severity: str) -> str:
    return f'count(ALERTS{{{HERE},severity="{severity}",alertstate="firing"}}) or vector(0)'


_SECTIONS = (
    Section(
        "State",
        number("Least budget left", f"min({_LEFT}{{{HERE}}})", unit="percentunit", bad_below=0.1),
        number("Broken", f"count({_LEFT}{{{HERE}}} < 0) or vector(0)", bad_above=1),
        number("Pages", _firing("page"), bad_above=1),
        number("Tickets", _firing("ticket"), bad_above=1),
        lines(
            "Budget left",
            Query(f"{_LEFT}{{{HERE}}}", "{{job}} {{slo}}"),
            unit="percentunit",
            width=24,
            least=None,
            about="Of the whole period. Below 0 the objective is broken.",
        ),
    ),
    Section(
        "How fast it goes",
        lines("Burn rate, 1 h", _burn("1h"), about="14.4: two per cent of the budget in an hour, a page."),
        lines("Burn rate, 6 h", _burn("6h"), about="6: five per cent of it in six hours, a page."),
        lines("Burn rate, 1 d", _burn("1d"), about="3: ten per cent of it in a day, a ticket."),
    ),
    Section(
        "Requests",
        lines(
            "That count",
            Query(f"shopservice:slo_requests:rate5m{{{HERE}}}", "{{job}} {{slo}}"),
            unit="reqps",
            width=12,
        ),
        lines(
            "That were not as they should",
            Query(f"shopservice:slo_errors:rate5m{{{HERE}}}", "{{job}} {{slo}}"),
            unit="reqps",
            width=12,
        ),
    ),
)
"""From the promise to what it is made of."""
