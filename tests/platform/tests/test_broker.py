"""The process that tells Prometheus of the broker, as the shop's chart installs it."""

import importlib.util
import subprocess
from typing import Any

import pytest
import yaml
from shop_platform.kind import find_tools
from shop_platform.paths import CHARTS

pytestmark = pytest.mark.apiserver

MONITORED = "--api-versions=monitoring.coreos.com/v1"


def rendered(*flags: str) -> dict[str, dict[str, Any]]:
    """The chart's objects of that name, by kind."""
    words = ["template", "shop", str(CHARTS / "shop"), "-n", "shop", "--kube-version=1.30", *flags]
    done = subprocess.run([find_tools().helm, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return {one["kind"]: one for one in found if one["metadata"]["name"] == "broker-metrics"}


def test_it_is_there_where_somebody_reads_it() -> None:
    assert rendered() == {}
    assert rendered(MONITORED).keys() == {"Deployment", "PodMonitor", "NetworkPolicy"}
    assert rendered(MONITORED, "--set=broker.monitoring=") == {}


def test_it_runs_what_every_services_image_has() -> None:
    pod = rendered(MONITORED, "--set=images.catalog=shop/catalog:dev-1")["Deployment"]["spec"]["template"][
        "spec"
    ]
    (container,) = pod["containers"]
    assert container["image"] == "shop/catalog:dev-1"
    *_, module = container["command"]
    assert importlib.util.find_spec(module)


def test_the_pod_passes_the_restricted_profile() -> None:
    pod = rendered(MONITORED)["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_its_ways_are_those_that_it_takes() -> None:
    """To the broker's monitoring, wherever the release says that it is; and from Prometheus."""
    found = rendered(MONITORED, "--set=broker.monitoring=http://broker.example.com:9222")
    environment = {
        one["name"]: one["value"]
        for one in found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert environment["BROKER_MONITORING"] == "http://broker.example.com:9222"
    policy = found["NetworkPolicy"]["spec"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 9222}
    selected = policy["podSelector"]["matchLabels"].items()
    assert selected <= found["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    (endpoint,) = found["PodMonitor"]["spec"]["podMetricsEndpoints"]
    (port,) = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert endpoint["port"] == port["name"]
    assert policy["ingress"][0]["ports"][0]["port"] == port["containerPort"]
