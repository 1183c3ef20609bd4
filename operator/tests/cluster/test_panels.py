"""A fault is made, and every panel that its runbook names shows it: Prometheus scrapes a real operator."""

import contextlib
import itertools
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kindlocal.apiserver import ApiServer
from kindlocal.prometheus import Prometheus
from shop_operator.cluster import kinds
from shop_platform.runbooks import Fault

from ..support.cluster import Cluster, Operator, rights

pytestmark = [
    pytest.mark.apiserver,
    pytest.mark.skipif(not os.environ.get("SHOP_TEST_LONG"), reason="minutes; `make test-long` runs it"),
]

QUIET = 10.0
"""Seconds for which all was well before a fault."""
PORTS = [{"name": "http", "port": 8080}]
RBAC = "rbac.authorization.k8s.io/v1"
WEBHOOKS = kinds.Kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)


class Seen:
    """An operator that Prometheus scrapes."""

    def __init__(
        self, operator: Operator, cluster: Cluster, watching: Prometheus, asked: httpx.Client
    ) -> None:
        self.operator, self.cluster = operator, cluster
        self._watching, self._asked = watching, asked

    async def start(self, **env: str) -> None:
        """Returns when it has been scraped."""
        await self.operator.start(**env)
        address = f"127.0.0.1:{self.operator.metrics_port}"
        # A container that is started again has the address that it had.
        labels = {"namespace": "shop-system", "pod": "shop-operator-1", "instance": "shop-operator"}
        self._watching.scrape("shop-operator", address, **labels)

        async def scraped() -> bool:
            answer = self._asked.get("/api/v1/query", params={"query": 'up{job="shop-operator"} == 1'})
            return bool(answer.json()["data"]["result"])

        await self.cluster.until(scraped)

    async def well(self, *alerts: str, service: str = "") -> list[Fault]:
        """What is looked at, when the operator has had nothing to do for a while."""
        since = time.monotonic()

        async def quiet() -> bool:
            nonlocal since
            if not await self.operator.idle():
                since = time.monotonic()
            return time.monotonic() - since > QUIET

        await self.cluster.until(quiet)
        namespace = self.cluster.namespace
        return [
            Fault(alert, self._asked, service, namespace=namespace, step=1, quiet=QUIET) for alert in alerts
        ]

    async def show(self, *faults: Fault, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """Until all of their panels do; `meanwhile` is done before each look."""
        left = ["not looked yet"]

        async def shown() -> bool:
            if meanwhile is not None:
                await meanwhile()
            left[:] = [panel for fault in faults for panel in fault.unseen()]
            return not left

        try:
            await self.cluster.until(shown, 60)
        except AssertionError:
            raise AssertionError(f"panels that do not show it: {', '.join(left)}") from None


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Prometheus]:
    with Prometheus(tmp_path / "prometheus") as made:
        yield made


@pytest.fixture
async def seen(operator: Operator, cluster: Cluster, watching: Prometheus) -> AsyncIterator[Seen]:
    with httpx.Client(base_url=watching.url, trust_env=False) as asked:
        yield Seen(operator, cluster, watching, asked)


async def test_an_operator_that_is_gone_and_one_that_is_back(seen: Seen) -> None:
    await seen.start()
    down, again = await seen.well("ShopOperatorDown", "ShopOperatorRestarts")
    seen.operator.kill()
    await seen.show(down)
    await seen.start()
    await seen.show(again)


async def test_somebody_who_edits_what_is_the_operators_again_and_again(seen: Seen) -> None:
    await seen.start()
    await seen.cluster.apply("cart", ports=PORTS)
    (drift,) = await seen.well("ShopOperatorDrift")
    numbers = itertools.count(1)

    async def edited() -> None:
        """A series that begins with its first time has no rate, so there are some, until it is seen."""
        selector = {"shopservice.dev/name": f"other-{next(numbers)}"}
        await seen.cluster.edit("Service", "cart", {"spec": {"selector": selector}})

    await seen.show(drift, meanwhile=edited)


async def test_a_service_that_is_not_as_it_should_be(seen: Seen) -> None:
    await seen.start()
    await seen.cluster.apply("cart", ports=PORTS)
    await seen.cluster.until_reconciled("cart")
    degraded, wrong = await seen.well("ShopServiceDegraded", "ShopServiceNotReconciled", service="cart")
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart-cache"}}
    theirs["metadata"]["namespace"] = seen.cluster.namespace  # type: ignore[index]
    theirs["spec"] = {"ports": [{"port": 6379}]}  # type: ignore[assignment]
    await seen.cluster.api.create(theirs, kinds.of("Service"), manager="somebody")
    await seen.cluster.apply("cart", ports=PORTS, cache={}, dependsOn=[{"name": "there-is-none"}])
    await seen.show(degraded, wrong)


@contextlib.asynccontextmanager
async def hanging(cluster: Cluster) -> AsyncIterator[None]:
    """A webhook that looks at every Service of the namespace takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        webhook = {
            "name": "services.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 2,
            "failurePolicy": "Fail",
            "clientConfig": {"url": f"https://127.0.0.1:{listener.getsockname()[1]}/"},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["services"],
                }
            ],
        }
        manifest: dict[str, Any] = {
            "apiVersion": WEBHOOKS.api_version,
            "kind": WEBHOOKS.kind,
            "metadata": {"name": "hanging"},
            "webhooks": [webhook],
        }
        made = await cluster.api.create(manifest, WEBHOOKS, manager="somebody")
        try:
            yield
        finally:
            await cluster.api.delete(WEBHOOKS, "", "hanging", uid=made["metadata"]["uid"])


async def test_a_webhook_that_hangs(seen: Seen) -> None:
    """Every call that it looks at takes two seconds and fails; there is one worker, so others wait."""
    await seen.start(SHOP_OPERATOR_WORKERS="1")
    await seen.cluster.apply("cart", ports=PORTS)
    await seen.cluster.until_reconciled("cart")
    faults = await seen.well(
        "ShopOperatorSlow", "ShopOperatorApiErrors", "ShopOperatorRetries", "ShopOperatorQueueStuck"
    )
    async with hanging(seen.cluster):
        for number in range(8):
            await seen.cluster.apply(f"s{number}", ports=PORTS)
        await seen.show(*faults)


@pytest.fixture
def operator(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[Operator]:
    """Without a look at its log at the end: here much goes wrong. Its rights are its own."""
    process = Operator(server, tmp_path, cluster.namespace, user="watched")
    yield process
    process.kill()


@pytest.fixture(autouse=True)
async def role(cluster: Cluster, operator: Operator) -> dict[str, Any]:
    """Of the operator: all that the chart gives it."""
    role, binding = rights()
    named = {"metadata": {"name": "watched"}}
    binding |= named
    binding["roleRef"]["name"] = binding["subjects"][0]["name"] = "watched"
    for manifest in (role | named, binding):
        kind = kinds.Kind(RBAC, manifest["kind"], f"{manifest['kind'].lower()}s", namespaced=False)
        await cluster.api.apply(manifest, kind, manager="kubectl")
    return role | named


async def test_a_right_that_is_taken_away(seen: Seen, role: dict[str, Any]) -> None:
    await seen.start()
    await seen.cluster.apply("cart", ports=PORTS)
    await seen.cluster.until_reconciled("cart")
    (forbidden,) = await seen.well("ShopOperatorForbidden")
    less = {**role, "rules": [rule for rule in role["rules"] if "services" not in rule.get("resources", ())]}
    assert less["rules"] != role["rules"]
    await seen.cluster.api.apply(less, kinds.Kind(RBAC, "ClusterRole", "clusterroles"), manager="kubectl")
    await seen.cluster.apply("search", ports=PORTS)
    await seen.show(forbidden)
