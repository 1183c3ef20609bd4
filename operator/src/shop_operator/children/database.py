"""The dedicated PostgreSQL: one server on one volume, its address and credentials as a Service Binding.

The operator brings configuration and scripts (scripts/postgres), the image only PostgreSQL's programs and a
user with id 999: Debian's packages and the official Debian-based image both serve.
"""

from typing import Any

from shop_operator.api import Database, ShopService, quantity
from shop_operator.children import credentials, exporter, resources, volume
from shop_operator.children.context import Context, Gap, Lender, Manifest
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

PORT = 5432
USER = 999
DEFAULT_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "50m", "memory": "96Mi"},
    "limits": {"memory": "256Mi"},
}
HELPER_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "5m", "memory": "8Mi"},
    "limits": {"memory": "64Mi"},
}
CONFIG = "/config"
SOCKET = "/run/postgresql"
KEYS = ("host", "port", "database", "username", "password")
"""What the Secret of an external database must have (Service Binding Specification)."""


def name(shop: ShopService) -> str:
    """Name of StatefulSet, Service, Secret, ConfigMap and NetworkPolicy of the database."""
    return _name(shop.name)


def _name(service: str) -> str:
    return f"{service}-db"


def dedicated(shop: ShopService) -> Database | None:
    """The database that the operator keeps, if this service has one."""
    database = shop.spec.database
    return database if database and database.mode == "dedicated" else None


def binding(shop: ShopService) -> str | None:
    """Name of the Secret with the database's address and credentials."""
    database = shop.spec.database
    if database is None:
        return None
    if database.external:
        return database.external.secret_name
    return _name(database.shared.service) if database.shared else name(shop)


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """Secrets, ConfigMap, claim, Service, StatefulSet; and a Job while the login is changed."""
    database = dedicated(shop)
    if database is None:
        return []
    owned = database.deletion_policy == "Delete"
    logins = _logins(shop, database, context)
    binding = {
        "type": "postgresql",
        "provider": "shop-operator",
        "host": f"{name(shop)}.{shop.namespace}.svc",
        "port": str(PORT),
        "database": shop.name,
        "username": f"{shop.name}_{logins.current}",
    }
    return [
        *credentials.secrets(shop, "database", logins, owned=owned, binding=binding),
        manifest(shop, "v1", "ConfigMap", "database", name=name(shop), data=folder("postgres")),
        volume.claim(shop, "database", name(shop), database, context, owned=owned),
        manifest(shop, "v1", "Service", "database", name=name(shop), spec=_service(shop, context)),
        manifest(
            shop, "apps/v1", "StatefulSet", "database", name=name(shop), spec=_set(shop, database, context)
        ),
        *credentials.proof(
            shop,
            logins,
            user=USER,
            container={
                "name": "login",
                **_login_program(shop, database, context, "login.sh"),
                "resources": HELPER_RESOURCES,
                "volumeMounts": [
                    TMP_MOUNT, _config_mount(), binding_mount("database"), credentials.mount()
                ],
            },
            volumes=[
                config_volume(shop), binding_volume("database", name(shop)), credentials.volume(name(shop))
            ],
        ),
    ]  # fmt: skip


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """A change of the login that is under way, what cannot be as asked for about the volume; or what an
    external or shared database lacks."""
    database = shop.spec.database
    if database is None:
        return []
    if database.external:
        return _unbound(database.external.secret_name, context)
    if database.shared:
        return _not_lent(database.shared.service, context.lender)
    return [
        *credentials.gaps("database", _logins(shop, database, context), database.credentials, context),
        *volume.gaps("database", name(shop), database, context),
    ]


def _unbound(secret: str, context: Context) -> list[Gap]:
    field = "spec.database.external.secretName"
    if context.external is None:
        message = (
            f"{field}: expected a Secret {secret} in this namespace, with {', '.join(KEYS)}; there is none"
        )
        return [Gap("DatabaseReady", "SecretMissing", message)]
    missing = [key for key in KEYS if key not in context.external]
    if missing:
        message = f"{field}: Secret {secret} lacks {', '.join(missing)}"
        return [Gap("DatabaseReady", "KeyMissing", message)]
    return []


def _not_lent(service: str, lender: Lender | None) -> list[Gap]:
    field = "spec.database.shared.service"
    if lender is None:
        message = f"{field}: there is no ShopService {service} in this namespace"
        return [Gap("DatabaseReady", "ServiceMissing", message)]
    if not lender.dedicated:
        message = f"{field}: ShopService {service} has no database of mode dedicated"
        return [Gap("DatabaseReady", "NoDatabase", message)]
    if not lender.ready:
        message = f"{field}: the database of ShopService {service} is not ready: look at its status"
        return [Gap("DatabaseReady", "NotReady", message)]
    return []


def _logins(shop: ShopService, database: Database, context: Context) -> credentials.Logins:
    return credentials.logins(name(shop), database.credentials, context)


def waiting(shop: ShopService, database: Database, context: Context) -> dict[str, Any]:
    """An init container that ends when the database takes the service's login."""
    return {
        "name": "wait-for-database",
        **_program(database, context, "wait.sh"),
        "resources": HELPER_RESOURCES,
        "volumeMounts": [TMP_MOUNT, _config_mount(), binding_mount("database")],
    }


def config_volume(shop: ShopService) -> dict[str, Any]:
    """The volume with the scripts."""
    return {"name": "database-config", "configMap": {"name": name(shop)}}


def _service(shop: ShopService, context: Context) -> dict[str, Any]:
    # Headless: there is one pod, and a connection should not outlive it in some table.
    return {
        "clusterIP": "None",
        "selector": selector(shop, "database"),
        "ports": [{"name": "postgresql", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        **exporter.addresses(shop, "database", context),
    }


def _set(shop: ShopService, database: Database, context: Context) -> dict[str, Any]:
    return {
        "serviceName": name(shop),
        "replicas": 1,
        "selector": {"matchLabels": selector(shop, "database")},
        "template": {
            "metadata": {"labels": labels(shop, "database")},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": security(USER),
                "terminationGracePeriodSeconds": 60,
                "volumes": [
                    TMP_VOLUME,
                    {"name": "socket", "emptyDir": {}},
                    config_volume(shop),
                    binding_volume("database", name(shop)),
                    credentials.volume(name(shop)),
                    volume.claimed(name(shop)),
                ],
                "containers": [
                    _server(database, context),
                    _roles(shop, database, context),
                    *exporter.of_database(shop, context, SOCKET, PORT),
                ],
            },
        },
    }


def _server(database: Database, context: Context) -> dict[str, Any]:
    program = _program(database, context, "start.sh")
    limits = resources.merged(database.resources, DEFAULT_RESOURCES)
    program["env"] += [
        {"name": "PGDATA", "value": "/data/pgdata"},
        {"name": "SHARED_BUFFERS", "value": shared_buffers(limits)},
    ]
    return {
        "name": "postgres",
        **program,
        "ports": [{"name": "postgresql", "containerPort": PORT, "protocol": "TCP"}],
        "resources": limits,
        # Started is who takes the service's login; a crash is followed by recovery, as long as that takes.
        "startupProbe": _probe(
            "ready.sh", {"periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1800}
        ),
        # A process in the pod costs a hundred times a connection: with one database per service it adds up.
        "readinessProbe": {"periodSeconds": 5, "timeoutSeconds": 2, "tcpSocket": {"port": PORT}},
        "livenessProbe": _probe(
            "alive.sh", {"periodSeconds": 30, "timeoutSeconds": 5, "failureThreshold": 3}
        ),
        "volumeMounts": [
            TMP_MOUNT,
            _socket_mount(),
            _config_mount(),
            binding_mount("database"),
            {"name": "data", "mountPath": "/data"},
        ],
    }


def _roles(shop: ShopService, database: Database, context: Context) -> dict[str, Any]:
    return {
        "name": "roles",
        **_login_program(shop, database, context, "roles.sh"),
        "resources": HELPER_RESOURCES,
        "volumeMounts": [TMP_MOUNT, _socket_mount(), _config_mount(), credentials.mount()],
    }


def _program(database: Database, context: Context, script: str) -> dict[str, Any]:
    return {
        "image": context.settings.postgres_image.replace("{version}", database.version),
        "imagePullPolicy": context.settings.image_pull_policy,
        "command": ["/bin/sh", f"{CONFIG}/{script}"],
        "env": [
            {"name": "POSTGRES_BIN", "value": f"/usr/lib/postgresql/{database.version}/bin"},
            {"name": "PGHOST", "value": SOCKET},
            {"name": "PGPORT", "value": str(PORT)},
            {"name": "SERVICE_BINDING_ROOT", "value": BINDINGS},
        ],
        "securityContext": RESTRICTED,
    }


def _login_program(shop: ShopService, database: Database, context: Context, script: str) -> dict[str, Any]:
    program = _program(database, context, script)
    program["env"] += [
        {"name": "LOGINS", "value": credentials.MOUNT},
        # The role that the data belongs to, and the database's name.
        {"name": "OWNER", "value": shop.name},
    ]
    return program


def shared_buffers(limits: dict[str, Any]) -> str:
    """A quarter of the memory, 16 MiB at least, in PostgreSQL's own unit."""
    memory = {**limits.get("requests", {}), **limits.get("limits", {})}["memory"]
    return f"{max(16, int(quantity.value(memory)) // 4 // 1024**2)}MB"


def _probe(script: str, timing: dict[str, int]) -> dict[str, Any]:
    return {**timing, "exec": {"command": ["/bin/sh", f"{CONFIG}/{script}"]}}


def _socket_mount() -> dict[str, Any]:
    return {"name": "socket", "mountPath": SOCKET}


def _config_mount() -> dict[str, Any]:
    return {"name": "database-config", "mountPath": CONFIG, "readOnly": True}
