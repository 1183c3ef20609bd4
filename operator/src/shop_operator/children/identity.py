"""Who may call a service, and how a caller proves who it is: by the cluster's own tokens.

A caller has a token of its ServiceAccount for each callee, which the kubelet renews. A callee has the public
keys of the cluster, and the list of those that name it in dependsOn. Nobody is asked while a request runs.
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection
"""

import json
from typing import Any

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import manifest

TOKENS = "/identity"
CALLERS = "/callers"
EXPIRATION_SECONDS = 3600
"""How long a token is valid; the kubelet renews it when four fifths of that are over."""


def name(service: str) -> str:
    """Name of the ConfigMap of a service."""
    return f"{service}-callers"


def audience(namespace: str, service: str) -> str:
    """Whom a token is for: `catalog.shop`. A token for one callee is worth nothing to another."""
    return f"{service}.{namespace}"


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The ConfigMap by which the service knows its callers. A worker has none."""
    if not shop.spec.ports:
        return []
    subjects = sorted(
        f"system:serviceaccount:{caller.namespace}:{caller.service_account}" for caller in context.dependants
    )
    data = {"audience": audience(shop.namespace, shop.name), "callers.json": json.dumps(subjects, indent=0)}
    if context.issuer:
        data |= {"issuer": context.issuer.url, "jwks.json": context.issuer.jwks}
    return [manifest(shop, "v1", "ConfigMap", "service", name=name(shop.name), data=data)]


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """Without the keys nobody can be told from anybody."""
    if not shop.spec.ports or not context.dependants or context.issuer:
        return []
    message = (
        "the keys of the cluster's service account tokens cannot be read, so callers cannot be recognised: "
        "the operator needs `get` on /openid/v1/jwks and /.well-known/openid-configuration, and the API "
        "server an issuer that is a URL"
    )
    return [Gap("Degraded", "IssuerKeysUnavailable", message)]


def environment(shop: ShopService) -> dict[str, dict[str, Any]]:
    """Where the pods find it: by name of the variable, its source."""
    env = {}
    if shop.spec.depends_on:
        env["IDENTITY_TOKENS"] = {"value": TOKENS}
    if shop.spec.ports:
        env["CALLERS"] = {"value": CALLERS}
    return env


def volumes(shop: ShopService) -> list[dict[str, Any]]:
    """Both follow what they show without a restart."""
    found: list[dict[str, Any]] = []
    if shop.spec.depends_on:
        audiences = [audience(one.namespace or shop.namespace, one.name) for one in shop.spec.depends_on]
        tokens = [
            {"serviceAccountToken": {"audience": one, "expirationSeconds": EXPIRATION_SECONDS, "path": one}}
            for one in audiences
        ]
        found.append({"name": "identity", "projected": {"sources": tokens, "defaultMode": 0o440}})
    if shop.spec.ports:
        found.append({"name": "callers", "configMap": {"name": name(shop.name), "defaultMode": 0o440}})
    return found


def mounts(shop: ShopService) -> list[dict[str, Any]]:
    """Where the container sees the volumes."""
    paths = {"identity": TOKENS, "callers": CALLERS}
    return [
        {"name": volume["name"], "mountPath": paths[volume["name"]], "readOnly": True}
        for volume in volumes(shop)
    ]
