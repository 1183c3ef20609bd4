"""The Secrets of the shop, made once; the key in one of them signs tokens for people and tests."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure, run

SECRET = "shop-auth"
# As `shop secrets` knows them.
SECRETS = (SECRET, "shop-gateway", "shop-messages", "shop-admin")
SHOP = Path(sys.executable).parent / "shop"


def ensure(kubectl: Kubectl, namespace: str) -> None:
    """Makes the Secrets that are not there: what was given out stays valid. Raises Failure."""
    there = {one["metadata"]["name"] for one in kubectl.items("secrets", "-n", namespace)}
    if missing := [name for name in SECRETS if name not in there]:
        kubectl("create", "-f", "-", stdin=run([SHOP, "secrets", *missing, f"--namespace={namespace}"]))


def key(kubectl: Kubectl, namespace: str) -> str:
    """The private key that signs users' tokens. Raises Failure."""
    data = kubectl.get("secret", SECRET, "-n", namespace).get("data")
    if not data:
        raise Failure(f"there is no Secret {SECRET} in the namespace {namespace}: run `make up`")
    return base64.b64decode(data["private.pem"]).decode()


def token(kubectl: Kubectl, namespace: str, scopes: str) -> str:
    """A token that the services of this cluster accept; `scopes` are separated by spaces. Raises Failure."""
    given = key(kubectl, namespace)
    return run([SHOP, "token", f"--scope={scopes}", "--key=/dev/stdin"], stdin=given).strip()
