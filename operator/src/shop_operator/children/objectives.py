"""Service level objectives in PromQL: what is recorded of them, and when their budget burns too fast.

The method is that of Google's Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"
(https://sre.google/workbook/alerting-on-slos/). A burn rate is how many times faster than allowed the budget
is used up: at 1 it is gone exactly when its period ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from shop_operator.api import ShopService
from shop_operator.api.slo import Slo

Rule = dict[str, Any]
Severity = Literal["page", "ticket"]

DURATION = "http_server_request_duration_seconds"
FAILED = "http_server_errors_total"
"""Exists before the first failure, of which DURATION tells nothing: its series of that status begins with it.
A service need not have it."""
REQUESTS, ERRORS = "shopservice:slo_requests:rate5m", "shopservice:slo_errors:rate5m"
RATIO, OBJECTIVE = "shopservice:slo_errors:ratio", "shopservice:slo_objective:ratio"
BUDGET = "shopservice:slo_budget_remaining:ratio"
"""What is recorded, by namespace, job (the service) and slo; RATIO also by window."""

BASE_MINUTES = 5
"""Window of the rates that everything else is a sum of; no alert looks at less."""
EVALUATION_SECONDS = 30
"""How often a rate is recorded."""
FEWEST_FAILURES = 5
"""Of a service with little traffic one failed request can be a large share: that is no reason to wake
anybody. Fewer than these in the long window are none."""


class Pair(NamedTuple):
    """An alert's two windows in minutes: the budget burns `factor` times too fast over both. The long one
    makes it worth an alert, the short one ends it soon after the cause is gone."""

    severity: Severity
    long: int
    short: int
    factor: Decimal


PERIOD_DAYS = 30
PAIRS = (
    Pair("page", 60, 5, Decimal("14.4")),  # 2 per cent of the budget are gone
    Pair("page", 6 * 60, 30, Decimal(6)),  # 5 per cent
    Pair("ticket", 24 * 60, 2 * 60, Decimal(3)),  # 10 per cent
    Pair("ticket", 3 * 24 * 60, 6 * 60, Decimal(1)),  # 10 per cent
)
"""The workbook's parameters for a period of 30 days."""


class Objective(NamedTuple):
    """One promise: `allowed` is the share of requests that may break it."""

    slo: Literal["availability", "latency"]
    allowed: Decimal
    threshold: str = ""
    """Of latency, the longest time that is good: 250ms."""


def objectives(slo: Slo) -> list[Objective]:
    """What a ShopService promises."""
    found = []
    if slo.availability is not None:
        found.append(Objective("availability", _allowed(slo.availability)))
    if slo.latency is not None:
        found.append(Objective("latency", _allowed(slo.latency.target), slo.latency.threshold))
    return found


def days(slo: Slo) -> int:
    """The period of the budget."""
    return int(slo.window.removesuffix("d"))


def pairs(objective: Objective, period: int) -> list[Pair]:
    """The windows for a period of so many days, in proportion to it: with the same burn rates each alert
    stands for the same share of the budget. Without those that could not fire if every request failed."""
    return [
        pair._replace(long=_scaled(pair.long, period), short=_scaled(pair.short, period))
        for pair in PAIRS
        if pair.factor * objective.allowed < 1
    ]


def text(minutes: int) -> str:
    """A duration as PromQL has it: 5h36m."""
    units = (("d", minutes // 1440), ("h", minutes // 60 % 24), ("m", minutes % 60))
    return "".join(f"{count}{unit}" for unit, count in units if count)


def le(threshold: str) -> str:
    """The label of the histogram's bucket that counts what took at most so long: 0.25 for 250ms."""
    milliseconds = threshold.endswith("ms")
    return str(float(threshold.rstrip("ms")) / (1000 if milliseconds else 1))


class Series:
    """The series of one objective of one service, as PromQL."""

    def __init__(self, shop: ShopService, objective: Objective) -> None:
        self._pods = f'namespace="{shop.namespace}",job="{shop.name}"'
        self._labels = f'{self._pods},slo="{objective.slo}"'
        self._objective = objective
        self.labels = {"slo": objective.slo}

    def rules(self, windows: set[int]) -> Iterator[Rule]:
        """Records requests and errors per second, and the share of errors over each window in minutes.

        The longer windows sum what was recorded over five minutes: that is a few hundred samples, where the
        requests' own series would be millions.
        """
        yield self._record(REQUESTS, self._rate(f"{DURATION}_count", self._counted))
        yield self._record(ERRORS, self._errors())
        for window in sorted(windows):
            yield self.ratio_rule(window)

    def ratio_rule(self, window: int) -> Rule:
        """Records the share of errors; nothing where there were no requests."""
        ratio = f"{self._over(ERRORS, window)}\n/ ({self._over(REQUESTS, window)} > 0)"
        return self._record(RATIO, ratio, window=text(window))

    def budget_rules(self, shop: ShopService, period: int) -> Iterator[Rule]:
        """Records the objective, and what is left of its budget: 1 is all, below 0 it is broken."""
        objective = 1 - self._objective.allowed
        namespaced = {"namespace": shop.namespace, "job": shop.name}
        yield {"record": OBJECTIVE, "expr": f"vector({objective})", "labels": {**namespaced, **self.labels}}
        minutes = period * 24 * 60
        spent = f"{self._over(ERRORS, minutes)}\n/ ({self._over(REQUESTS, minutes)} > 0)"
        yield self._record(BUDGET, f"1 - {spent}\n/ {self._objective.allowed}")

    def burning(self, alerted: list[Pair]) -> str:
        """Holds while the budget burns too fast over both windows of any pair; its value is the share of
        errors over the long one."""
        return "max without (window) (\n" + "\nor\n".join(map(self._too_fast, alerted)) + "\n)"

    def _too_fast(self, pair: Pair) -> str:
        limit = f"{pair.factor} * {self._objective.allowed}"
        failures = f"{self._over(ERRORS, pair.long)} * {EVALUATION_SECONDS}"
        return (
            f'  {RATIO}{{{self._labels},window="{text(pair.long)}"}} > {limit}\n'
            f'  and ignoring (window) {RATIO}{{{self._labels},window="{text(pair.short)}"}} > {limit}\n'
            f"  and ignoring (window) {failures} >= {FEWEST_FAILURES}"
        )

    @property
    def _counted(self) -> str:
        """The requests that the objective is about. One that failed has spent the budget of availability;
        how fast it did is nobody's concern."""
        return ',http_response_status_code!~"5.."' if self._objective.slo == "latency" else ""

    def _errors(self) -> str:
        if self._objective.slo == "availability":
            failed = self._rate(f"{DURATION}_count", ',http_response_status_code=~"5.."')
            return "\nor on (namespace, job) ".join(
                (self._rate(FAILED), failed, f"0 * {REQUESTS}{{{self._labels}}}")
            )
        fast = self._rate(f"{DURATION}_bucket", f'{self._counted},le="{le(self._objective.threshold)}"')
        return f"{REQUESTS}{{{self._labels}}}\n- on (namespace, job) {fast}"

    def _rate(self, series: str, labels: str = "") -> str:
        selected = f"{series}{{{self._pods}{labels}}}"
        return f"sum by (namespace, job) (rate({selected}[{text(BASE_MINUTES)}]))"

    def _over(self, series: str, minutes: int) -> str:
        selected = f"{series}{{{self._labels}}}"
        return selected if minutes == BASE_MINUTES else f"sum_over_time({selected}[{text(minutes)}])"

    def _record(self, series: str, expression: str, **labels: str) -> Rule:
        return {"record": series, "expr": expression, "labels": {**self.labels, **labels}}


def _allowed(per_cent: str) -> Decimal:
    return ((100 - Decimal(per_cent)) / 100).normalize()


def _scaled(minutes: int, period: int) -> int:
    return max(BASE_MINUTES, minutes * period // PERIOD_DAYS)
