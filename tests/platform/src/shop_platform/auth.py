"""The Secret `shop-auth`: the key that signs tokens for people and tests, and what verifies them."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure, run

SECRET = "shop-auth"
SHOP = Path(sys.executable).parent / "shop"


def ensure(kubectl: Kubectl, namespace: str) -> None:
    """Makes the Secret unless it is there: tokens that were given out stay valid. Raises Failure."""
    if not kubectl.get("secret", SECRET, "-n", namespace):
        kubectl("create", "-f", "-", stdin=run([SHOP, "auth-secret", f"--namespace={namespace}"]))


def token(kubectl: Kubectl, namespace: str, scopes: str) -> str:
    """A token that the services of this cluster accept; `scopes` are separated by spaces. Raises Failure."""
    data = kubectl.get("secret", SECRET, "-n", namespace).get("data")
    if not data:
        raise Failure(f"there is no Secret {SECRET} in the namespace {namespace}: run `make up`")
    key = base64.b64decode(data["private.pem"]).decode()
    return run([SHOP, "token", f"--scope={scopes}", "--key=/dev/stdin"], stdin=key).strip()
