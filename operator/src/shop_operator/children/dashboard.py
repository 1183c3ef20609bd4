"""The service's Grafana dashboard, as a ConfigMap that Grafana's sidecar loads.

Which panels there are is decided at development time (`shop_platform.dashboards`); here a service is given
the sections that concern it, and its name.
"""

import hashlib
import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from shop_operator.api import Monitoring, ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest

LABEL = {"grafana_dashboard": "1"}
"""What the sidecar of Grafana's chart looks for."""
UID_LENGTH = 40
"""The most that Grafana takes."""


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One ConfigMap with one file, whose name is unique among all namespaces: the sidecar puts all into one
    folder."""
    wanted = (shop.spec.monitoring or Monitoring()).dashboard
    if wanted is False or (wanted is None and shop.spec.slo is None):
        return []
    text = _text(_given(shop))
    for placeholder, value in (
        ("<uid>", uid(shop.namespace, shop.name)),
        ("<namespace>", shop.namespace),
        ("<service>", shop.name),
    ):
        text = text.replace(placeholder, value)
    name, data = f"{shop.name}-dashboard", {f"{shop.namespace}.{shop.name}.json": text}
    return [manifest(shop, "v1", "ConfigMap", "service", name=name, more_labels=LABEL, data=data)]


def uid(namespace: str, name: str) -> str:
    """The same for the same service always, so that links to its dashboard last: `shop_catalog`, since names
    have no underscore. Where that is too long, a hash takes the place of its end."""
    full = f"{namespace}_{name}"
    if len(full) <= UID_LENGTH:
        return full
    return f"{full[: UID_LENGTH - 9]}_{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def _given(shop: ShopService) -> frozenset[str]:
    """What of the spec there is something to show of; "" stands for what every service has."""
    fields = {"slo", "ports", "autoscaling", "database", "cache", "events"}
    given = {field for field in fields if getattr(shop.spec, field) not in (None, [])}
    return frozenset({"", *given} | ({"dependsOn"} if shop.spec.depends_on else set()))


@cache
def _template() -> dict[str, Any]:
    template: dict[str, Any] = json.loads((files(__package__) / "dashboard.json").read_text())
    return template


@lru_cache(maxsize=16)
def _text(given: frozenset[str]) -> str:
    """The dashboard with these sections, one below the other; kept, since services are of a few sorts."""
    panels, top = [], 0
    for section in _template()["sections"]:
        if section["needs"] not in given:
            continue
        for panel in section["panels"]:
            place = panel["gridPos"]
            panels.append({**panel, "gridPos": {**place, "y": place["y"] + top}})
        top += section["height"]
    return json.dumps({**_template()["dashboard"], "panels": panels}, separators=(",", ":"))
