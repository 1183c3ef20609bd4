"""The panels that each section of docs/runbooks names, and whether they show its fault.

    Panels: Shop *Need a person*, *Tries of steps*; NAMESPACE / NAME *Cache: Memory*.

A dashboard by its title, then titles of panels; where a dashboard has two of one title, with that of the row.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from shop_platform.panels import Json, Panel, of_dashboard, points, stands_out
from shop_platform.paths import CHARTS, ROOT

FOLDER = ROOT / "docs" / "runbooks"
SERVICE = "NAMESPACE / NAME"
"""The dashboard of the one service that an alert is about."""
_SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_PANELS = re.compile(r"^Panels: (.+?)\.\n$", re.M | re.S)
_OF_ONE = re.compile(r"([\w /]+?)((?:,? \*[^*]+\*)+)")
_TEMPLATE = ROOT / "operator/src/shop_operator/children/dashboard.json"


@dataclass(frozen=True)
class Name:
    """A panel as a runbook calls it."""

    dashboard: str
    row: str
    """Empty where the title says enough."""
    title: str

    def means(self, panel: Panel) -> bool:
        """Of a panel of that dashboard."""
        return panel.title == self.title and self.row in ("", panel.row)

    def __str__(self) -> str:
        return f"{self.dashboard} *{f'{self.row}: ' if self.row else ''}{self.title}*"


def sections(folder: Path = FOLDER) -> dict[str, str]:
    """Text by alert."""
    found = [_SECTION.findall(file.read_text()) for file in sorted(folder.glob("*.md"))]
    return {alert: text for each in found for alert, text in each}


def named(text: str) -> Iterator[Name]:
    """The panels of a section."""
    for line in _PANELS.findall(text):
        for part in re.sub(r"\s+", " ", line).split("; "):
            if not (match := _OF_ONE.fullmatch(part)):
                raise ValueError(f"expected a dashboard and titles of panels, found {part!r}")
            for title in re.findall(r"\*([^*]+)\*", match[2]):
                row, _, last = title.rpartition(": ")
                yield Name(match[1], row, last)


def dashboards(service: str = "NAME", namespace: str = "NAMESPACE") -> dict[str, Json]:
    """Those that are committed, by title; filled in for a service and its namespace."""
    files = [
        *(CHARTS / "shop/files/dashboards").glob("*.json"),
        CHARTS / "shop-operator/files/dashboard.json",
    ]
    given = {"<namespace>": namespace, "<service>": service, "<uid>": f"{namespace}_{service}"}
    found = {}
    for text in (_whole(), *(file.read_text() for file in files)):
        for placeholder, value in given.items():
            text = text.replace(placeholder, value)
        dashboard = json.loads(text)
        found[dashboard["title"]] = dashboard
    found[SERVICE] = found.pop(f"{namespace} / {service}")
    return found


def _whole() -> str:
    """The dashboard of a service that has everything."""
    template = json.loads(_TEMPLATE.read_text())
    panels = [panel for section in template["sections"] for panel in section["panels"]]
    return json.dumps({**template["dashboard"], "panels": panels})


class Fault:
    """Of one alert, from the time when all is still well: which of its panels do not show it yet."""

    def __init__(
        self,
        alert: str,
        prometheus: httpx.Client,
        service: str = "",
        *,
        namespace: str = "shop",
        step: float = 5.0,
        quiet: float = 60.0,
    ) -> None:
        """The `quiet` seconds before are what they are compared with, `step` those between two scrapes.

        Raises KeyError for a section or a panel that there is not.
        """
        self._prometheus, self._step = prometheus, step
        self._since = time.time()
        self._begin = self._since - quiet
        there = dashboards(service, namespace)
        self._panels: dict[Name, Panel] = {}
        for name in named(sections()[alert]):
            every = of_dashboard(there[name.dashboard], rate_interval=f"{4 * step:.0f}s")
            self._panels[name] = next(panel for panel in every if name.means(panel))

    def unseen(self) -> list[str]:
        """Those that are still where they were while all was well."""
        now = time.time()
        return [
            str(name)
            for name, panel in self._panels.items()
            if not stands_out(points(self._prometheus, panel, self._begin, now, self._step), self._since)
        ]
