"""The service's own container, as its Deployment and its migration Job run it."""

from typing import Any

from shop_operator.api import ShopService
from shop_operator.api.pod import Placement
from shop_operator.children import cache, database, identity, resources, serviceaccount
from shop_operator.children.context import Context
from shop_operator.children.pod import (
    BINDINGS,
    RESTRICTED,
    TMP_MOUNT,
    TMP_VOLUME,
    binding_mount,
    binding_volume,
    security,
)

USER = 65532
"""User of the service images: "nonroot" of the distroless images."""
DEFAULT_PORT = 8080
DEFAULT_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "25m", "memory": "96Mi"},
    "limits": {"memory": "256Mi"},
}


def main_port(shop: ShopService) -> int:
    """$PORT: where API, health and metrics are served."""
    if shop.spec.ports:
        return shop.spec.ports[0].port
    return (shop.spec.monitoring and shop.spec.monitoring.port) or DEFAULT_PORT


def container(shop: ShopService, context: Context, *, command: list[str], args: list[str]) -> dict[str, Any]:
    """The container without ports and probes."""
    spec = shop.spec
    return {
        "name": "app",
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
        "command": command,
        "args": args,
        "env": environment(shop, context),
        "envFrom": spec.env_from,
        "resources": resources.merged(spec.resources, DEFAULT_RESOURCES),
        "securityContext": RESTRICTED,
        # The last lines of a log are what the status says of a container that failed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            TMP_MOUNT,
            *(binding_mount(name) for name in bindings(shop)),
            *identity.mounts(shop),
            *(mount.model_dump(by_alias=True, exclude_defaults=True) for mount in spec.volume_mounts),
        ],
    }


def pod(shop: ShopService, context: Context) -> dict[str, Any]:
    """The pod around it, without containers."""
    spec, placement = shop.spec, shop.spec.placement or Placement()
    return {
        "serviceAccountName": serviceaccount.name(shop),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security(USER),
        "imagePullSecrets": [{"name": secret.name} for secret in spec.image_pull_secrets],
        "volumes": [
            TMP_VOLUME,
            *(binding_volume(name, secret) for name, secret in bindings(shop).items()),
            *identity.volumes(shop),
            *(volume.model_dump(by_alias=True) for volume in spec.volumes),
        ],
        "nodeSelector": placement.node_selector or None,
        "affinity": placement.affinity,
        "tolerations": placement.tolerations,
        "priorityClassName": placement.priority_class_name,
        "runtimeClassName": placement.runtime_class_name,
    }


def bindings(shop: ShopService) -> dict[str, str]:
    """By name of the binding, the Secret that holds it."""
    found: dict[str, str] = {}
    if secret := database.binding(shop):
        found["database"] = secret
    if shop.spec.cache:
        found["cache"] = cache.name(shop)
    return found


def environment(shop: ShopService, context: Context) -> list[dict[str, Any]]:
    """The operator's variables, then the service's own, which may replace those that are not reserved."""
    env: dict[str, dict[str, Any]] = {
        "SHOP_SERVICE": {"value": shop.name},
        "POD_NAME": {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        "POD_NAMESPACE": {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}},
        "PORT": {"value": str(main_port(shop))},
    }
    if bindings(shop):
        env["SERVICE_BINDING_ROOT"] = {"value": BINDINGS}
    if shop.spec.events is not None:
        env["EVENTS_URL"] = {"value": context.settings.events_url}
    for callee in shop.spec.depends_on:
        url = f"http://{callee.name}.{callee.namespace or shop.namespace}.svc:{callee.port}"
        env[f"{callee.name.upper().replace('-', '_')}_URL"] = {"value": url}
    env |= identity.environment(shop)
    for own in shop.spec.env:
        env[own.name] = {"valueFrom": own.value_from} if own.value_from else {"value": own.value}
    return [{"name": name, **source} for name, source in env.items()]
