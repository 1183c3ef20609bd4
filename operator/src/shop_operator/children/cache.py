"""The Redis of a service: in memory alone, or with its log on a volume; address and password as a binding."""

from typing import Any

from shop_operator.api import Cache, ShopService, quantity
from shop_operator.children import credentials, exporter, resources, volume
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import labels, manifest, selector
from shop_operator.children.pod import (
    BINDINGS,
    RESTRICTED,
    TMP_MOUNT,
    TMP_VOLUME,
    binding_mount,
    binding_volume,
    security,
)
from shop_operator.children.scripts import folder

PORT = 6379
USER = 999
CONFIG = "/config"
CONFIG_MOUNT: dict[str, Any] = {"name": "config", "mountPath": CONFIG, "readOnly": True}
HELPER_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "5m", "memory": "8Mi"},
    "limits": {"memory": "32Mi"},
}


def name(shop: ShopService) -> str:
    """Name of workload, Service, Secret, ConfigMap and NetworkPolicy of the cache."""
    return f"{shop.name}-cache"


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """Secrets, ConfigMap, claim (AppendOnly), Service, StatefulSet (AppendOnly) or Deployment (None); and a
    Job while the password is changed."""
    cache = shop.spec.cache
    if cache is None:
        return []
    kept = cache.persistence == "AppendOnly"
    owned = not kept or cache.deletion_policy == "Delete"
    logins = _logins(shop, cache, context)
    binding = {"type": "redis", "host": f"{name(shop)}.{shop.namespace}.svc", "port": str(PORT)}
    children = [
        *credentials.secrets(shop, "cache", logins, owned=owned, binding=binding),
        manifest(
            shop,
            "v1",
            "ConfigMap",
            "cache",
            name=name(shop),
            data={**folder("redis"), "redis.conf": configuration(cache)},
        ),
    ]
    if kept:
        children.append(volume.claim(shop, "cache", name(shop), cache, context, owned=owned))
    service = {
        "type": "ClusterIP",
        "selector": selector(shop, "cache"),
        "ports": [{"name": "redis", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        **exporter.addresses(shop, "cache", context),
    }
    children.append(manifest(shop, "v1", "Service", "cache", name=name(shop), spec=service))
    children.append(_workload(shop, cache, context, kept))
    children += credentials.proof(
        shop,
        logins,
        user=USER,
        container={
            "name": "login",
            **_program(context, "login.sh"),
            "resources": HELPER_RESOURCES,
            "volumeMounts": [TMP_MOUNT, CONFIG_MOUNT, binding_mount("cache"), credentials.mount()],
        },
        volumes=[
            _config_volume(shop), binding_volume("cache", name(shop)), credentials.volume(name(shop))
        ],
    )  # fmt: skip
    return children


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """A change of the password that is under way; what cannot be as asked for about the volume."""
    cache = shop.spec.cache
    if cache is None:
        return []
    found = credentials.gaps("cache", _logins(shop, cache, context), cache.credentials, context)
    kept = cache.persistence == "AppendOnly"
    return found + (volume.gaps("cache", name(shop), cache, context) if kept else [])


def _logins(shop: ShopService, cache: Cache, context: Context) -> credentials.Logins:
    return credentials.logins(name(shop), cache.credentials, context)


def configuration(cache: Cache) -> str:
    """redis.conf, without the password."""
    kept = cache.persistence == "AppendOnly"
    settings = {
        "bind": "* -::*",
        "save": '""',
        "appendonly": "yes" if kept else "no",
        "appendfsync": "everysec",
        "maxmemory": int(quantity.value(cache.max_memory)),
        # What is kept is data: rather refuse a write than forget one.
        "maxmemory-policy": "noeviction" if kept else "allkeys-lru",
        "tcp-keepalive": 60,
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def _workload(shop: ShopService, cache: Cache, context: Context, kept: bool) -> Manifest:
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": selector(shop, "cache")},
        "template": {"metadata": {"labels": labels(shop, "cache")}, "spec": _pod(shop, cache, context, kept)},
    }
    if kept:
        spec["serviceName"] = name(shop)
        return manifest(shop, "apps/v1", "StatefulSet", "cache", name=name(shop), spec=spec)
    # Two at once would each hold half of the entries.
    spec |= {"strategy": {"type": "Recreate"}, "revisionHistoryLimit": 1}
    return manifest(shop, "apps/v1", "Deployment", "cache", name=name(shop), spec=spec)


def _pod(shop: ShopService, cache: Cache, context: Context, kept: bool) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security(USER),
        "terminationGracePeriodSeconds": 30,
        "volumes": [
            TMP_VOLUME,
            _config_volume(shop),
            binding_volume("cache", name(shop)),
            credentials.volume(name(shop)),
            volume.claimed(name(shop)) if kept else {"name": "data", "emptyDir": {}},
        ],
        "containers": [_container(shop, cache, context), *exporter.of_cache(shop, context, PORT)],
    }


def _container(shop: ShopService, cache: Cache, context: Context) -> dict[str, Any]:
    def probe(command: list[str], timing: dict[str, int]) -> dict[str, Any]:
        return {**timing, "exec": {"command": command}}

    ready = ["/bin/sh", f"{CONFIG}/ready.sh"]
    # Any answer counts, also that a password is missing or that the log is still being read.
    alive = ["redis-cli", "-p", str(PORT), "ping"]
    program = _program(context, "start.sh")
    program["env"] += exporter.cache_login(shop, context)
    return {
        "name": "redis",
        **program,
        "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
        "resources": resources.merged(cache.resources, default_resources(cache)),
        "startupProbe": probe(ready, {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 600}),
        # A process in the pod costs a hundred times a connection.
        "readinessProbe": {"periodSeconds": 5, "timeoutSeconds": 2, "tcpSocket": {"port": PORT}},
        "livenessProbe": probe(alive, {"periodSeconds": 30, "timeoutSeconds": 5, "failureThreshold": 3}),
        "volumeMounts": [
            TMP_MOUNT,
            CONFIG_MOUNT,
            binding_mount("cache"),
            credentials.mount(),
            {"name": "data", "mountPath": "/data"},
        ],
    }


def _program(context: Context, script: str) -> dict[str, Any]:
    return {
        "image": context.settings.redis_image,
        "imagePullPolicy": context.settings.image_pull_policy,
        "command": ["/bin/sh", f"{CONFIG}/{script}"],
        "env": [
            {"name": "REDIS_PORT", "value": str(PORT)},
            {"name": "REDIS_DATA", "value": "/data"},
            {"name": "SERVICE_BINDING_ROOT", "value": BINDINGS},
            {"name": "LOGINS", "value": credentials.MOUNT},
        ],
        "securityContext": RESTRICTED,
    }


def _config_volume(shop: ShopService) -> dict[str, Any]:
    return {"name": "config", "configMap": {"name": name(shop)}}


def default_resources(cache: Cache) -> dict[str, Any]:
    """Redis forks to rewrite its log and can then need twice its data."""
    mebibytes = -(-int(quantity.value(cache.max_memory)) // 1024**2)
    return {
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"memory": quantity.canonical(f"{2 * mebibytes + 32}Mi")},
    }
