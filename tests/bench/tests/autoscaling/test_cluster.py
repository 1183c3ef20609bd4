"""What is asked of a cluster; a script stands in for kubectl."""

import json
import time
from pathlib import Path

import pytest
from shop_bench.autoscaling import timeline
from shop_bench.autoscaling.cluster import Cluster, Watch
from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure

from .seen import deployment


def kubectl(folder: Path, script: str) -> Kubectl:
    """A program that does this in place of kubectl."""
    file = folder / "kubectl"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Kubectl(file, "kind-shop")


def until_it_ends(watch: Watch) -> None:
    with watch:
        while watch.runs:
            time.sleep(0.01)


def test_a_watch_notes_when_each_event_came(tmp_path: Path) -> None:
    event = json.dumps(deployment(0, 3)[1])
    began = time.time()
    with Watch(
        kubectl(tmp_path, f"echo '{event}'; exec sleep 60"), "/apis/apps/v1", fieldSelector="a=b"
    ) as watch:
        while not watch.seen:
            time.sleep(0.01)
    [(at, seen)] = watch.seen
    assert began <= at <= time.time()
    assert timeline.wanted([(at, seen)]) == [(at, 3)]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo gone >&2; exit 1", "gone"),
        ("""echo '{"type": "ERROR", "object": {"code": 410}}'; exec sleep 60""", "410"),
    ],
)
def test_a_watch_that_missed_something_is_a_failure(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(Failure, match="ended early") as failure:
        until_it_ends(Watch(kubectl(tmp_path, script), "/api"))
    assert why in failure.value.detail


def test_utilisation_is_what_an_hpa_would_see(tmp_path: Path) -> None:
    pods = {"items": [{"spec": {"containers": [{"resources": {"requests": {"cpu": "50m"}}}]}}] * 2}
    usage = {"items": [{"containers": [{"usage": {"cpu": cpu}}]} for cpu in ("60m", "50000000n")]}
    for name, body in (("pods", pods), ("usage", usage), ("late", {"items": usage["items"][:1]})):
        (tmp_path / name).write_text(json.dumps(body))
    script = 'case "$*" in *--raw*) cat {0}/{1};; *) cat {0}/pods;; esac'
    assert Cluster(
        kubectl(tmp_path, script.format(tmp_path, "usage")), "catalog"
    ).utilisation() == pytest.approx(110)
    # A pod of which nothing is known yet would make the others look busier, or idler, than they are.
    assert Cluster(kubectl(tmp_path, script.format(tmp_path, "late")), "catalog").utilisation() is None
