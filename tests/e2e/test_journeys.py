"""The journeys of tests/journeys, the very same functions: those marked `on_cluster`, or all of them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_kind import KindCluster
from shop.local.addresses import Addresses
from shop_journeys.shop import Shop
from shop_platform import auth
from shop_platform.images import service_names
from shop_platform.platform import PORTS, SHOP, Platform, answers

from ..journeys.tests import test_buying, test_operating, test_privacy, test_undoing
from .conftest import Kube, wait_for

LONG = bool(os.environ.get("SHOP_TEST_LONG"))


def taken_here() -> Iterator[tuple[str, Any]]:
    """Name and function of each journey; that of a power cut is about `shop local` alone."""
    for module in (test_buying, test_undoing, test_operating, test_privacy):
        for name, journey in vars(module).items():
            marks = {mark.name for mark in getattr(journey, "pytestmark", [])}
            if name.startswith("test_") and (LONG or "on_cluster" in marks):
                yield name, journey


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
    services = {name: platform.url(name) for name in service_names() if name in PORTS}
    made = Shop(Addresses(services=services, private_key=key, gateway_key=gateway_key(kube), broker=broker))
    made.open()
    yield made
    made.close()
