"""How the cluster's own autoscaling is set."""

import pytest
from shop_bench.autoscaling import report, settings

from .seen import LOADED, document


def test_flags_of_the_hpa_controller_are_read_from_its_command_line() -> None:
    words = [
        "/usr/bin/kube-controller-manager",
        "--leader-elect=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]
    assert settings.hpa_flags(words) == {"sync-period": "5s"}


def test_a_metrics_server_that_says_nothing_looks_every_minute() -> None:
    assert settings.resolution(["--cert-dir=/tmp"]) == "1m0s"
    assert settings.resolution(["--metric-resolution=10s", "--metric-resolution=15s"]) == "15s"


@pytest.mark.parametrize(
    ("hpa", "resolution", "stock"),
    [({}, "15s", True), ({"sync-period": "5s"}, "15s", False), ({}, "10s", False)],
)
def test_what_differs_from_what_is_shipped_is_said(hpa: dict[str, str], resolution: str, stock: bool) -> None:
    row = {
        "row": "settings",
        "hpa": {**settings.DEFAULTS, **hpa},
        "resolution": resolution,
        "kubernetes": "v1.33.0",
        "given": sorted(hpa),
    }
    assert settings.stock(row) is stock
    assert ("Not as shipped" in report.table(document(row, LOADED))) is not stock
