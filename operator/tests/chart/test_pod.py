"""The operator's own pod: one at a time, restricted, probed, scraped."""

from typing import Any

import pytest
import yaml

from ..kubectl import Kube
from .test_chart import helm, of, template

pytestmark = pytest.mark.apiserver

OTHERWISE = ("--set=watchNamespace=shop", "--set=workers=64", "--set=resources=null")


def deployment(*flags: str) -> dict[str, Any]:
    spec: dict[str, Any] = of("Deployment", template(*flags))["spec"]
    return spec


def pod(*flags: str) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(*flags)["template"]["spec"]
    return spec


@pytest.mark.parametrize("flags", [(), OTHERWISE], ids=["defaults", "others"])
def test_two_never_run(flags: tuple[str, ...]) -> None:
    found = deployment(*flags)
    assert found["replicas"] == 1
    assert found["strategy"] == {"type": "Recreate"}, "the old one ends before the new one starts"


@pytest.mark.parametrize("value", ["replicas=2", "replicaCount=2", "strategy.type=RollingUpdate"])
def test_no_value_makes_it_two(value: str) -> None:
    done = helm("template", "op", "charts/shop-operator", "--kube-version=1.36.0", "--set", value)
    assert done.returncode != 0
    assert "additional properties" in done.stderr.lower()


def test_its_pod_is_let_into_a_restricted_namespace(kube: Kube) -> None:
    kubectl = kube.kubectl("guarded", **{"pod-security.kubernetes.io/enforce": "restricted"})
    kubectl("create", "serviceaccount", "op")
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator"}, "spec": pod()}
    kubectl.apply(manifest, "--dry-run=server")
    loose = yaml.safe_load(yaml.safe_dump(manifest))
    del loose["spec"]["securityContext"]["runAsNonRoot"]
    refused = kubectl.run("apply", "--server-side", "--dry-run=server", "-f", "-", given=loose)
    assert "violates PodSecurity" in refused.stderr, "the namespace does look"


def test_every_probe_asks_a_port_that_is_there_and_gives_it_time() -> None:
    (container,) = pod()["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    given = {env["name"]: env["value"] for env in container["env"]}
    assert given["SHOP_OPERATOR_HEALTH_PORT"] == str(ports["health"])
    assert given["SHOP_OPERATOR_METRICS_PORT"] == str(ports["metrics"])
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "health"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60, "thousands of services take a while"


def test_it_asks_for_little_and_has_room_for_thousands() -> None:
    (container,) = pod()["containers"]
    assert container["resources"]["requests"] == {"cpu": "50m", "memory": "128Mi"}
    assert "cpu" not in container["resources"]["limits"], "a limit on cpu would slow repairs down"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_prometheus_finds_it_by_its_own_labels() -> None:
    documents = template("--api-versions", "monitoring.coreos.com/v1")
    monitor, labels = of("PodMonitor", documents)["spec"], deployment()["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["selector"]["matchLabels"] == deployment()["selector"]["matchLabels"]
    ports = {port["name"] for port in pod()["containers"][0]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} <= ports
    assert not any(one["kind"] == "PodMonitor" for one in template())
