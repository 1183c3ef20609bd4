"""Every panel of every dashboard, asked of the Prometheus of a shop under load: it shows what moves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count

import httpx
import pytest
from shop_platform.panels import Panel, of_configmaps, points

from ..journeys.tests import test_buying
from .conftest import Kube, load
from .test_journeys import shop as journeys  # noqa: F401 - a fixture
from .turns import THINGS

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.takes("catalog"),
    pytest.mark.needs(*THINGS),
]

WHILE = 900
"""Seconds that are looked at: what the tests before this one did moved much of it."""
STEP = 15
"""Seconds between the points of a series: as rules are recorded."""
RATE = 60

AT_REST = {
    "service": {
        *("Not as it should be", "Conditions", "Budget left", "Burn rate", "Errors", "Database"),
        *("Not answered by them", "Forgotten", "Clients", "Not published yet", "Oldest of them"),
        *("Waiting to be consumed", "Last write to the log"),
    },
    "shop-overview": {
        *(
            "Cancelled, 24 h",
            "Need a person",
            "Sagas by state",
            "Dead letters, 24 h",
            "Availability of the whole",
            "Errors",
        ),
        *(
            "Pods that are missing",
            "Circuits that are open",
            "Schedules that failed",
            "Events that wait in it",
            "Pods that are not scraped",
        ),
    },
    "shop-autoscaling": {"At their maximum", "Not autoscaled", "Ready no more", "Queues", "Errors"},
    "shop-events": {
        *(
            "Not published",
            "Oldest of them",
            "Not consumed",
            "Dead letters, 1 h",
            "Gaps given up, 1 h",
            "Relays",
        ),
        *("Not published yet", "Failures", "Waiting", "Failed", "Dead-lettered", "Delivered twice"),
        *("Waiting for one that is missing", "Database away", "Answers", "Dead letters kept", "Clients"),
        *("Slow clients, 1 h", "Delivered, not acknowledged"),
    },
    "shop-slo": {
        *(
            "Least budget left",
            "Broken",
            "Pages",
            "Tickets",
            "Budget left",
            "Burn rate, 1 h",
            "Burn rate, 6 h",
        ),
        *("Burn rate, 1 d", "That were not as they should"),
    },
    "shop-operator": {
        *("ShopServices", "Not ready", "Degraded", "Not reconciled", "Being retried", "Least budget left"),
        *("Conditions", "Pods that are missing", "Queue", "Oldest in the queue", "Drift repaired", "Put off"),
        *("API calls that failed", "Answers", "Starts, 30 min"),
    },
}
"""What has nothing to tell while all is well: it need not move, but it says so, by a 0 or in words."""


def at_rest(panel: Panel) -> bool:
    dashboard, title = panel.kind
    return title in AT_REST[dashboard]


@dataclass(frozen=True)
class Verdict:
    """Panels, by dashboard and title, that show no number, or always the same one; true where none does."""

    without_number: frozenset[tuple[str, str]]
    still: frozenset[tuple[str, str]]

    def __bool__(self) -> bool:
        return not self.without_number and not self.still


def verdict(prometheus: httpx.Client, every: list[Panel], since: float) -> Verdict:
    """A service that nobody asks has little to show: its panel has to in the dashboard of another one."""
    now = time.time()
    looked = {panel: points(prometheus, panel, since, now, STEP) for panel in every}
    told = {panel.kind for panel, seen in looked.items() if seen or panel.says_nothing}
    moved = {
        panel.kind
        for panel, seen in looked.items()
        if any(len({value for _, value in series}) > 1 for series in seen.values())
    }
    return Verdict(
        without_number=frozenset({panel.kind for panel in every} - told),
        still=frozenset({panel.kind for panel in every if not at_rest(panel)} - moved),
    )


def test_every_panel_shows_a_number_that_moves(kube, platform, shop, wait, journeys) -> None:  # noqa: F811
    since = time.time() - WHILE
    every = list(of_configmaps(dashboards(kube)))
    assert {panel.kind[0] for panel in every} == AT_REST.keys()
    before = verdict(shop.prometheus, every, since)
    if before:
        return
    left = [panel for panel in every if panel.kind in before.without_number | before.still]
    product = shop.catalog.get("/products").json()["items"][0]
    with load(platform.url("catalog"), ["/products?limit=5", f"/products/{product['id']}"], RATE):
        # Of the first order series are made, which only the second one moves.
        for _ in range(2):
            test_buying.test_from_registration_to_refund(journeys)
        shop.change_price(product, product["price"]["amount"] + 100)
        times = count(1)

        def moved() -> Verdict:
            look_for_carts(shop.cart, found=next(times))
            return verdict(shop.prometheus, left, since)

        wait("them to have moved", moved, 120, every=2)


def look_for_carts(cart: httpx.Client, found: int) -> None:
    """So many times one that is there, once one that is not: so the share that its cache finds moves."""
    own = cart.post("/carts").json()["id"]
    for _ in range(found):
        assert cart.get(f"/carts/{own}").is_success
    assert cart.get("/carts/nobodys").status_code == 404


def test_what_is_at_rest_is_a_panel_that_there_is(kube, platform) -> None:
    there = {panel.kind for panel in of_configmaps(dashboards(kube))}
    assert {(dashboard, title) for dashboard, titles in AT_REST.items() for title in titles} <= there


def dashboards(kube: Kube) -> list[dict]:
    """Of shop and operator."""
    return kube.items("configmaps", "--all-namespaces", "-l", "grafana_dashboard=1")
