"""Alerting rules at work, in Prometheus' own unit tests (`promtool test rules`)."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kindlocal.paths import binary

Groups = list[dict[str, Any]]
IN_MEMORY_SECONDS = 36 * 3600
"""Of a story that is longer promtool's storage writes blocks, beside the evaluation: once in ten times
samples are lost by it, and so an alert that fires in all other runs."""
TRIES = 3
"""Of a longer one: what fails each time is wrong."""


def check(groups: Groups, folder: Path) -> None:
    """Fails with what promtool says of these rules."""
    _promtool(folder, groups, "check", "rules", "--lint-fatal", "rules.yaml")


@dataclass
class Story:
    """Series as they come, at equal steps, and which alerts fire when."""

    groups: Groups
    step: int = 30
    """Seconds between samples, and between evaluations."""
    every: int = 0
    """Seconds between evaluations where they are to be fewer."""
    series: dict[str, str] = field(default_factory=dict)
    expected: list[dict[str, Any]] = field(default_factory=list)

    def counter(self, series: str, *phases: tuple[float, float]) -> None:
        """One that grows: (minutes, per second) one after the other, from 0."""
        values, total = [], 0.0
        for minutes, per_second in phases:
            steps = round(minutes * 60 / self.step)
            values.append(f"{total}+{per_second * self.step}x{steps - 1}")
            total += per_second * self.step * steps
        self.series[series] = " ".join(values)

    def gauge(self, series: str, *phases: tuple[float, float | None]) -> None:
        """One that stands: (minutes, value) one after the other; without a value it is not there."""
        steps = [(round(minutes * 60 / self.step), value) for minutes, value in phases]
        # A sample that is missing would leave the one before; a series that ends is marked so by the scrape.
        self.series[series] = " ".join(
            f"stale _x{count - 1}" if value is None else f"{value}+0x{count - 1}" for count, value in steps
        )

    def fires(self, minutes: float, alert: str, severity: str) -> None:
        """After so long it does."""
        self.equals(minutes, f"count({_firing(alert, severity)})", [{"labels": "{}", "value": 1}])

    def silent(self, minutes: float, alert: str, severity: str = "") -> None:
        """After so long it does not, at that severity or at any."""
        self.equals(minutes, _firing(alert, severity), [])

    def equals(self, minutes: float, expression: str, samples: list[dict[str, Any]]) -> None:
        """After so long the expression has these samples."""
        self.expected.append(
            {"expr": expression, "eval_time": f"{round(minutes * 60)}s", "exp_samples": samples}
        )

    def told(self, folder: Path, *, alerts: Iterable[dict[str, Any]] = ()) -> None:
        """Fails with what was otherwise than expected."""
        test = {
            "interval": f"{self.step}s",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": self.expected,
            "alert_rule_test": list(alerts),
        }
        tests = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": f"{self.every or self.step}s",
            "fuzzy_compare": True,
            "tests": [test],
        }
        (folder / "tests.yaml").write_text(yaml.safe_dump(tests))
        longest = max((int(each["eval_time"].removesuffix("s")) for each in self.expected), default=0)
        tries = TRIES if longest > IN_MEMORY_SECONDS else 1
        _promtool(folder, self.groups, "test", "rules", "tests.yaml", tries=tries)


def _firing(alert: str, severity: str) -> str:
    chosen = f',severity="{severity}"' if severity else ""
    return f'ALERTS{{alertname="{alert}",alertstate="firing"{chosen}}}'


def _promtool(folder: Path, groups: Groups, *args: str, tries: int = 1) -> None:
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    for _ in range(tries):
        done = subprocess.run(
            [str(binary("promtool")), *args], cwd=folder, text=True, capture_output=True, timeout=120
        )
        if done.returncode == 0:
            return
    assert done.returncode == 0, done.stdout + done.stderr
