"""What keeps the service's data: database and cache."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api import quantity
from shop_operator.api.base import Model, Name, PortNumber, Rule
from shop_operator.api.container import Resources
from shop_operator.api.network import Cidr, is_range

KEPT_VOLUME = (
    Rule(
        field="storage",
        message="storage can only grow: a volume cannot shrink",
        cel="quantity(self.storage).compareTo(quantity(oldSelf.storage)) >= 0",
        holds=None,
    ),
    Rule(
        field="storageClassName",
        message="storageClassName cannot change: the volume exists",
        cel="has(self.storageClassName) == has(oldSelf.storageClassName)"
        " && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        holds=None,
    ),
    Rule(
        field="adoptVolume",
        message="adoptVolume can be given only at first: the volume exists",
        cel="!has(self.adoptVolume) || (has(oldSelf.adoptVolume) && self.adoptVolume == oldSelf.adoptVolume)",
        holds=None,
    ),
)
"""What cannot be done to a volume that exists."""


_DEDICATED = (
    "version",
    "storage",
    "storageClassName",
    "deletionPolicy",
    "adoptVolume",
    "credentials",
    "resources",
)


class Credentials(Model):
    """When the login of a store is changed. The two logins of a store take turns: the one that was not in
    use gets a new password, and becomes the current one when the server has been seen to take it. The login
    before stays valid until the next rotation, so nothing fails meanwhile."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    """Raise it to change the login. Two rotations in a row make whatever leaked worthless."""

    rules: ClassVar = (
        Rule(
            field="revision",
            message="revision can only be raised",
            cel="self.revision >= oldSelf.revision",
            holds=None,
        ),
    )


class ExternalEgress(Model):
    """Where an external database is, for the NetworkPolicy, which knows addresses only."""

    cidr: Cidr | None = None
    """Addresses of the database, for instance 10.20.0.0/24; default: any."""
    port: PortNumber = 5432
    """Its port; the same as in the Secret."""

    rules: ClassVar = (
        Rule(
            field="cidr",
            message="cidr must be a range of addresses such as 10.0.0.0/8",
            cel="!has(self.cidr) || isCIDR(self.cidr)",
            holds=lambda egress: egress.cidr is None or is_range(egress.cidr),
        ),
    )


class External(Model):
    """A PostgreSQL that somebody else runs."""

    secret_name: Name
    """Secret of this namespace in the Service Binding form, with the keys host, port, database, username and
    password. It is mounted as it is, at /bindings/database."""
    egress: ExternalEgress | None = None
    """The way to it; default: port 5432 of any address."""


class Shared(Model):
    """The dedicated database of another ShopService."""

    service: Annotated[str, Field(max_length=40, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the ShopService of this namespace whose database it is: that one makes it and migrates it. It
    need not exist yet. Its NetworkPolicy lets this service in."""


class Database(Model):
    """A PostgreSQL for this service, its address and credentials in /bindings/database."""

    engine: Literal["postgres"] = "postgres"
    """Kind of database."""
    mode: Literal["dedicated", "external", "shared"] = "dedicated"
    """dedicated: one server for this service alone, made and kept by the operator. external: one that is
    there already, named by `external`. shared: that of another ShopService, named by `shared`. It cannot
    change: data does not move by itself."""
    external: External | None = None
    """Mode external: where the database is. What else is said here belongs to mode dedicated."""
    shared: Shared | None = None
    """Mode shared: whose database it is. What else is said here belongs to mode dedicated."""
    version: Literal["15", "16", "17"] = "15"
    """Major version of PostgreSQL. It cannot change: restore a backup into a new service instead."""
    storage: Annotated[str, Field(max_length=32, pattern=quantity.PATTERN)] = "1Gi"
    """Size of the volume. It can grow where the storage class can, never shrink."""
    storage_class_name: Name | None = None
    """Storage class of the volume; default: the cluster's. It cannot change."""
    adopt_volume: Name | None = None
    """A PersistentVolume to take up instead of a new one: that of this service's database in a namespace
    that was deleted. It can be given only when the database is made. Where it is still bound to the claim
    that is gone, the operator frees it if that claim had the same namespace and name."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """Retain: volume and credentials outlive the ShopService and are taken up again when it returns.
    Delete: they go with it."""
    credentials: Credentials | None = None
    """Change of the login; default: it stays as it is."""
    resources: Resources | None = None
    """Of the database's container; default: 50m and 96Mi requested, 256Mi at most."""

    rules: ClassVar = (
        Rule(
            field="storage",
            message="storage must be above 0",
            cel="quantity(self.storage).isGreaterThan(quantity('0'))",
            holds=lambda database: quantity.value(database.storage) > 0,
        ),
        Rule(
            field="external",
            message="external belongs to mode external, which needs it",
            cel="(self.mode == 'external') == has(self.external)",
            holds=lambda database: (database.mode == "external") == (database.external is not None),
        ),
        Rule(
            field="shared",
            message="shared belongs to mode shared, which needs it",
            cel="(self.mode == 'shared') == has(self.shared)",
            holds=lambda database: (database.mode == "shared") == (database.shared is not None),
        ),
        Rule(
            field="mode",
            message=f"mode external or shared excludes {', '.join(_DEDICATED)}",
            cel="self.mode == 'dedicated' || (self.version == '15' && self.storage == '1Gi'"
            " && self.deletionPolicy == 'Retain' && !has(self.storageClassName) && !has(self.adoptVolume)"
            " && !has(self.credentials) && !has(self.resources))",
            holds=lambda database: (
                database.mode == "dedicated"
                or database
                == Database(
                    engine=database.engine,
                    mode=database.mode,
                    external=database.external,
                    shared=database.shared,
                )
            ),
        ),
        Rule(
            field="mode",
            message="mode cannot change: remove the section first, which keeps the data of a dedicated one",
            cel="self.mode == oldSelf.mode",
            holds=None,
        ),
        Rule(
            field="version",
            message="version cannot change: the data is in the format of the old one",
            cel="self.version == oldSelf.version",
            holds=None,
        ),
        *KEPT_VOLUME,
    )


class Cache(Model):
    """A Redis of its own for this service, its address and password in /bindings/cache."""

    engine: Literal["redis"] = "redis"
    """Kind of cache."""
    persistence: Literal["None", "AppendOnly"] = "None"
    """None: memory only, the least used entries are dropped when it is full. AppendOnly: on a volume,
    synced every second; nothing is dropped, writes are refused when it is full."""
    storage: Annotated[str, Field(max_length=32, pattern=quantity.PATTERN)] = "256Mi"
    """AppendOnly: size of the volume; at least three times maxMemory, since the log is rewritten beside
    the old one."""
    storage_class_name: Name | None = None
    """AppendOnly: storage class of the volume; default: the cluster's. It cannot change."""
    adopt_volume: Name | None = None
    """AppendOnly: a PersistentVolume to take up instead of a new one, as for a database."""
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    """AppendOnly: whether volume and password outlive the ShopService."""
    max_memory: Annotated[str, Field(max_length=32, pattern=quantity.PATTERN)] = "64Mi"
    """Memory for data."""
    credentials: Credentials | None = None
    """Change of the password; default: it stays as it is."""
    resources: Resources | None = None
    """Of the cache's container; default: 10m and 32Mi requested, twice maxMemory and 32Mi at most."""

    rules: ClassVar = (
        Rule(
            field="maxMemory",
            message="maxMemory must be at least 1Mi",
            cel="quantity(self.maxMemory).compareTo(quantity('1Mi')) >= 0",
            holds=lambda cache: quantity.value(cache.max_memory) >= 1024**2,
        ),
        Rule(
            field="adoptVolume",
            message="adoptVolume belongs to persistence AppendOnly",
            cel="self.persistence == 'AppendOnly' || !has(self.adoptVolume)",
            holds=lambda cache: cache.persistence == "AppendOnly" or cache.adopt_volume is None,
        ),
        Rule(
            field="storage",
            message="storage must be at least three times maxMemory",
            cel="self.persistence == 'None' || quantity(self.storage).compareTo("
            "quantity(self.maxMemory).add(quantity(self.maxMemory)).add(quantity(self.maxMemory))) >= 0",
            holds=lambda cache: (
                cache.persistence == "None"
                or quantity.value(cache.storage) >= 3 * quantity.value(cache.max_memory)
            ),
        ),
        *KEPT_VOLUME,
    )
