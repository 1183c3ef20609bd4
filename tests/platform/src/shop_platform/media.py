"""Media storage of this cluster (the addon `media`): its credentials, and what catalog is told of it."""

from __future__ import annotations

import json
from secrets import token_hex, token_urlsafe
from typing import Any

from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure

NAMESPACE = SECRET = "media"
LENT = "shop-media"
"""Its Secret in the shop, as services/catalog/shopservice.yaml mounts it."""
# Of a ShopService that uses it; the addon makes the bucket.
ENV = {"MEDIA_URL": "s3://shop", "MEDIA_ENDPOINT": "http://media.media.svc:7070"}
EGRESS = {"namespace": NAMESPACE, "ports": [{"port": 7070}]}


def ensure(kubectl: Kubectl) -> None:
    """Makes its credentials, if there are none: the server knows no others. Raises Failure."""
    if not _found(kubectl):
        made = {"type": "s3", "username": token_hex(10), "password": token_urlsafe(30)}
        kubectl("create", "-f", "-", stdin=_secret(SECRET, NAMESPACE, stringData=made))


def lend(kubectl: Kubectl, namespace: str) -> None:
    """Copies them to the shop, where a Secret of a cluster that is no more may be. Raises Failure."""
    data = _found(kubectl)
    if not data:
        raise Failure(f"there is no Secret {SECRET} in the namespace {NAMESPACE}: run `make up`")
    kubectl.apply(_secret(LENT, namespace, data=data))


def _found(kubectl: Kubectl) -> dict[str, str]:
    return dict(kubectl.get("secret", SECRET, "-n", NAMESPACE).get("data") or {})


def _secret(name: str, namespace: str, **content: Any) -> str:
    labels = {"app.kubernetes.io/part-of": "shop"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **content})
