"""What tells Prometheus of a database or cache: an exporter beside the server, in its own pod.

One for all of a cluster would need every password and a way through every NetworkPolicy. A sidecar speaks
over the pod's socket or loopback, as a login that may look and no more, and is scraped where the pod is.
"""

from typing import Any, Literal

from shop_operator.api import Monitoring, ShopService
from shop_operator.children.context import Context
from shop_operator.children.pod import RESTRICTED, TMP_MOUNT

Store = Literal["database", "cache"]

PORTS: dict[Store, int] = {"database": 9187, "cache": 9121}
"""Those that postgres_exporter and redis_exporter are known by."""
PORT_NAME = "metrics"
NOBODY = 65534
"""Of Debian and of every Linux. Not the server's own user, which could log in as the superuser."""
LOGIN = "shop_metrics"
"""In PostgreSQL, as roles.sql makes it and pg_ident.conf gives it to NOBODY. No name of a ShopService has an
underscore, so it is nobody's owner."""
CACHE_LOGIN = "metrics"
"""In Redis, as start.sh makes it."""
RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "5m", "memory": "16Mi"},
    "limits": {"memory": "32Mi"},
}


def port(shop: ShopService, store: Store, context: Context) -> int | None:
    """Where the exporter listens; None where there is none: no image for it, or no monitoring wanted."""
    wanted = (shop.spec.monitoring or Monitoring()).enabled
    return PORTS[store] if wanted and _image(store, context) else None


def of_database(shop: ShopService, context: Context, host: str, tcp_port: int) -> list[dict[str, Any]]:
    """The container beside PostgreSQL, whose socket lies in the folder `host`; none where none is wanted."""
    source = f"host={host} port={tcp_port} user={LOGIN} dbname=postgres sslmode=disable"
    env = [{"name": "DATA_SOURCE_NAME", "value": source}]
    mounts = [TMP_MOUNT, {"name": "socket", "mountPath": host}]
    # What the settings are is written in postgresql.conf: 300 series that say nothing new.
    return _containers(shop, "database", context, env, mounts, ["--disable-settings-metrics"])


def of_cache(shop: ShopService, context: Context, tcp_port: int) -> list[dict[str, Any]]:
    """The container beside Redis; none where none is wanted."""
    env = [
        {"name": "REDIS_ADDR", "value": f"redis://127.0.0.1:{tcp_port}"},
        {"name": "REDIS_USER", "value": CACHE_LOGIN},
        {"name": "REDIS_PASSWORD", **_POD_UID},
        {"name": "REDIS_EXPORTER_SET_CLIENT_NAME", "value": "false"},
        {"name": "REDIS_EXPORTER_REDIS_ONLY_METRICS", "value": "true"},
    ]
    return _containers(shop, "cache", context, env, [TMP_MOUNT], [])


def cache_login(shop: ShopService, context: Context) -> list[dict[str, Any]]:
    """Variables of the cache's own container, by which it knows the exporter; none where there is none."""
    return [{"name": "METRICS_PASSWORD", **_POD_UID}] if port(shop, "cache", context) else []


def addresses(shop: ShopService, store: Store, context: Context) -> dict[str, Any]:
    """Of the store's Service: a pod counts as ready when its exporter is too, but who cannot be watched can
    still be used. Whether the server answers, a client of the only pod there is finds out as soon."""
    return {"publishNotReadyAddresses": True} if port(shop, store, context) else {}


def _image(store: Store, context: Context) -> str:
    settings = context.settings
    return settings.postgres_exporter_image if store == "database" else settings.redis_exporter_image


def _containers(
    shop: ShopService,
    store: Store,
    context: Context,
    env: list[dict[str, Any]],
    mounts: list[dict[str, Any]],
    args: list[str],
) -> list[dict[str, Any]]:
    listens = port(shop, store, context)
    if listens is None:
        return []
    container: dict[str, Any] = {
        "name": "exporter",
        "image": _image(store, context),
        "imagePullPolicy": context.settings.image_pull_policy,
        **({"args": args} if args else {}),
        # Its heap would otherwise grow past its limit before it is ever collected.
        "env": [*env, {"name": "GOMEMLIMIT", "value": "24MiB"}],
        "ports": [{"name": PORT_NAME, "containerPort": listens, "protocol": "TCP"}],
        "resources": RESOURCES,
        "securityContext": {**RESTRICTED, "runAsUser": NOBODY},
        "volumeMounts": mounts,
    }
    return [container]


_POD_UID: dict[str, Any] = {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}}
"""A word that both containers of a pod know, another pod of the network does not, and that is new with each
pod. Who may read pods can know it too: what it opens is Redis' INFO, behind the cache's NetworkPolicy."""
