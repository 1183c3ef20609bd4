"""The journeys of tests/journeys, the very same functions: those marked `on_cluster`, or all of them."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from shop.local.addresses import Addresses
from shop_journeys.shop import Shop
from shop_platform import auth
from shop_platform.images import service_names
from shop_platform.platform import PORTS, SHOP, Platform

from ..journeys.tests import test_buying, test_operating, test_privacy, test_undoing
from .conftest import Kube

LONG = bool(os.environ.get("SHOP_TEST_LONG"))


def taken_here() -> Iterator[tuple[str, Any]]:
    """Name and function of each journey; that of a power cut is about `shop local` alone."""
    for module in (test_buying, test_undoing, test_operating, test_privacy):
        for name, journey in vars(module).items():
            marks = {mark.name for mark in getattr(journey, "pytestmark", [])}
            if name.startswith("test_") and (LONG or "on_cluster" in marks):
                yield name, journey


globals().update(taken_here())


@contextmanager
def broker(kube: Kube) -> Iterator[str]:
    """The address of the cluster's broker on this machine."""
    process = kube.start("port-forward", "--namespace=nats", "service/nats", ":4222")
    try:
        assert process.stdout
        told = process.stdout.readline()
        port = re.search(r"127\.0\.0\.1:(\d+) ->", told)
        assert port, f"kubectl port-forward said {told!r}"
        yield f"nats://127.0.0.1:{port[1]}"
    finally:
        process.terminate()
        process.communicate()


def gateway_key(kube: Kube) -> str:
    """With which the test gateway is spoken to."""
    secret = kube.get("secret", "shop-gateway")
    assert secret
    return base64.b64decode(secret["data"]["gateway-key"]).decode()


@pytest.fixture(scope="module")
def shop(platform: Platform, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Instead of this folder's own: as the journeys know it."""
    key: Path = tmp_path_factory.mktemp("keys") / "private.pem"
    key.touch(mode=0o600)
    key.write_text(auth.key(platform.kubectl, SHOP))
    services = {name: platform.url(name) for name in service_names() if name in PORTS}
    with broker(kube) as address:
        at = Addresses(services=services, private_key=key, gateway_key=gateway_key(kube), broker=address)
        made = Shop(at)
        made.open()
        yield made
        made.close()
