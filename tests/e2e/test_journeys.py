"""The journeys of tests/journeys, the very same functions: some of them, or with SHOP_TEST_LONG=1 all."""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_kind import KindCluster
from shop.local.addresses import Addresses
from shop_journeys.shop import Shop
from shop_platform import auth
from shop_platform.images import sources
from shop_platform.platform import PORTS, SHOP, Platform, answers

from ..journeys.tests import test_buying, test_operating, test_privacy, test_undoing
from .conftest import Kube, wait_for

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
WHOLE = "test_from_registration_to_refund"
OTHERS = 5
"""How many `make test` takes beside the whole one; which, changes with the commit."""


def taken_here() -> dict[str, Callable[[Shop], None]]:
    """The journeys of this run by name; that of a power cut is about `shop local` alone."""
    modules = (test_buying, test_undoing, test_operating, test_privacy)
    journeys = {
        name: journey
        for module in modules
        for name, journey in vars(module).items()
        if name.startswith("test_")
    }
    if LONG:
        return journeys
    others = random.Random(os.environ["SHOP_TEST_SEED"]).sample(sorted(journeys.keys() - {WHOLE}), OTHERS)
    return {name: journeys[name] for name in (WHOLE, *others)}


globals().update(taken_here())


BROKER = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "nats-outside"},
    "spec": {
        "type": "NodePort",
        "selector": {"app.kubernetes.io/name": "nats"},
        "ports": [{"port": 4222, "targetPort": "client"}],
    },
}
"""A way to the broker, by which mails are read."""


@pytest.fixture(scope="module")
def broker(kind_cluster: KindCluster, platform: Platform) -> Iterator[str]:
    """The broker's address on this machine."""
    nats = Kube(kind_cluster, "nats")
    nats.apply(BROKER)
    service = nats.get("service", "nats-outside")
    assert service
    port = service["spec"]["ports"][0]["nodePort"]
    wait_for("the broker's port", lambda: answers(platform.node_address, port), 30)
    yield f"nats://{platform.node_address}:{port}"
    nats.run("delete", "service", "nats-outside")


def gateway_key(kube: Kube) -> str:
    """With which the test gateway is spoken to."""
    secret = kube.get("secret", "shop-gateway")
    assert secret
    return base64.b64decode(secret["data"]["gateway-key"]).decode()


@pytest.fixture(scope="module")
def shop(
    platform: Platform, kube: Kube, broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """As the journeys know it, in place of this folder's own."""
    key: Path = tmp_path_factory.mktemp("keys") / "private.pem"
    key.touch(mode=0o600)
    key.write_text(auth.key(platform.kubectl, SHOP))
    services = {name: platform.url(name) for name in sources() if name in PORTS}
    made = Shop(Addresses(services=services, private_key=key, gateway_key=gateway_key(kube), broker=broker))
    made.open()
    yield made
    made.close()
