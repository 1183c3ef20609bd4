"""What keeps the service's data: database and cache."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api import quantity
from shop_operator.api.base import Model, Name, Rule
from shop_operator.api.container import Resources

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
)
"""What cannot be done to a volume that exists."""


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


class Database(Model):
    """A PostgreSQL of its own for this service, its address and credentials in /bindings/database."""

    engine: Literal["postgres"] = "postgres"
    """Kind of database."""
    mode: Literal["dedicated"] = "dedicated"
    """dedicated: one server for this service alone."""
    version: Literal["15", "16", "17"] = "15"
    """Major version of PostgreSQL. It cannot change: restore a backup into a new service instead."""
    storage: Annotated[str, Field(max_length=32, pattern=quantity.PATTERN)] = "1Gi"
    """Size of the volume. It can grow where the storage class can, never shrink."""
    storage_class_name: Name | None = None
    """Storage class of the volume; default: the cluster's. It cannot change."""
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
