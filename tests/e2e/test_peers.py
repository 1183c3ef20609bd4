"""Who is let in and out beside ShopServices, and how many pods a drain may take: of a service made for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.needs("operator")

NAME = "peers"
PROBE = """
import socket, sys
for host, port in (a.split(":") for a in sys.argv[1:]):
    try: socket.create_connection((host, int(port)), timeout=2); print("open")
    except OSError: print("closed")
"""


@pytest.fixture
def service(kube, serving, wait):
    """Applies the ShopService with more in its spec, and waits for its pods."""

    def apply(pods: int = 1, **more: Any) -> None:
        serving(NAME, replicas=pods, **more)
        wait(f"{pods} ready pods", lambda: kube.ready(NAME) == len(kube.pods(NAME)) == pods, 120)

    return apply


@pytest.fixture
def caller(kube, python_image, wait):
    """Starts a pod with this label `app`, which no policy binds; gives its name."""
    made: list[str] = []

    def start(app: str) -> str:
        made.append(app)
        restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        container = {"name": "caller", "image": python_image, "securityContext": restricted,
                     "command": ["python3", "-c", "import time; time.sleep(600)"]}  # fmt: skip
        security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
        kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": app, "labels": {"app": app}},
                "spec": {"containers": [container], "securityContext": security},
            }
        )
        kube.run("wait", f"pod/{app}", "--for=condition=Ready", "--timeout=60s")
        return app

    yield start
    for name in made:
        kube.kill(name)


def reaches(kube, pod: str, *targets: str) -> list[str]:
    """Whether the pod gets a connection to each of the targets."""
    return kube.run("exec", pod, "--", "python3", "-c", PROBE, *targets).stdout.split()


def own_pod(kube) -> str:
    return kube.pods(NAME)[0]["metadata"]["name"]


def test_declared_callers_get_in_and_others_do_not(kube, service, caller, wait):
    service(networkPolicy={"ingress": [{"podLabels": {"app": "reports"}}]})
    other, declared = caller("other"), caller("reports")
    wait("the way in to be open", lambda: reaches(kube, declared, f"{NAME}:80") == ["open"], 30)
    assert reaches(kube, other, f"{NAME}:80") == ["closed"]
    service(networkPolicy={"enabled": False})
    wait("the way in to be open to all", lambda: reaches(kube, other, f"{NAME}:80") == ["open"], 30)


def test_the_service_gets_out_to_what_it_declares_and_to_dns_alone(kube, service, wait):
    prometheus = kube.get("service", "prometheus", "--namespace=monitoring")["spec"]["clusterIP"]
    dns = kube.get("service", "kube-dns", "--namespace=kube-system")["spec"]["clusterIP"]
    closed, named = f"{prometheus}:9090", "prometheus.monitoring.svc:9090"
    service()
    assert reaches(kube, own_pod(kube), closed, named, f"{dns}:53") == ["closed", "closed", "open"]
    service(networkPolicy={"egress": [{"namespace": "monitoring", "ports": [{"port": 9090}]}]})
    wait("the way out to be open", lambda: reaches(kube, own_pod(kube), named) == ["open"], 30)
    assert reaches(kube, own_pod(kube), "nats.nats.svc:4222") == ["closed"]


def test_a_drain_takes_what_the_budget_allows_and_gets_on(kube, service, wait):
    service(2, disruptionBudget={"minAvailable": "50%"})
    wait("the budget to be known", lambda: allowed(kube) == 1, 30)
    first, second = (pod["metadata"]["name"] for pod in kube.pods(NAME))
    assert evict(kube, first) == ""
    assert "violate the pod's disruption budget" in evict(kube, second)
    wait("the second to go too", lambda: evict(kube, second) == "", 60)


def allowed(kube) -> int:
    return (kube.get("poddisruptionbudget", NAME) or {}).get("status", {}).get("disruptionsAllowed", 0)


def evict(kube, pod: str) -> str:
    """As `kubectl drain` does it; what is said against it."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "shop"}}
    path = f"/api/v1/namespaces/shop/pods/{pod}/eviction"
    return kube.run("create", "--raw", path, "-f", "-", input=json.dumps(eviction), check=False).stderr
