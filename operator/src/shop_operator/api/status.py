"""What the operator reports. `kubectl get shopservices` prints from here."""

# ruff: noqa: RUF012 - pydantic copies default lists

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from shop_operator.api.base import Model


class Reported(Model):
    """A part of the status: what a newer operator wrote there is ignored, not refused."""

    model_config = ConfigDict(extra="ignore", strict=False)


class Condition(Reported):
    """One aspect of the service's state, as in every Kubernetes object."""

    list_keys: ClassVar = ("type",)

    type: Annotated[str, Field(max_length=316)]
    """Ready, Progressing, Degraded, DatabaseReady, DataProtected, AutoscalingActive, ObjectivesWatched or
    Reconciled."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    reason: Annotated[str, Field(max_length=1024)]
    """Why, in one word in CamelCase."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, for people: what was expected, what was found, what to do."""
    last_transition_time: str | None = None
    """When `status` last changed."""
    observed_generation: int | None = None
    """The generation of the spec that this is about."""


class ChildStatus(Reported):
    """The health of one object that the operator made."""

    list_keys: ClassVar = ("kind", "name")

    kind: str
    """Kind of the object."""
    name: str
    """Name of the object."""
    ready: bool
    """Whether it does its work."""
    reason: str = ""
    """Why not, or what drifted."""


class Binding(Reported):
    """A Secret in the Service Binding form."""

    name: str
    """Name of the Secret."""


class ShopServiceStatus(Reported):
    """What the operator found and did. Written by the operator alone."""

    observed_generation: int | None = None
    """The generation of the spec that was last reconciled."""
    summary: str | None = None
    """How it is in one word: Available, or the reason of the condition that says most."""
    conditions: list[Condition] = []
    """What holds and what does not: Ready says whether it serves, Degraded and Reconciled what is wrong."""
    children: list[ChildStatus] = []
    """The objects made for this service."""
    replicas: int | None = None
    """Pods of the service that exist."""
    ready_replicas: int | None = None
    """Pods of the service that can serve."""
    selector: str | None = None
    """Label selector of those pods, for `kubectl scale` and autoscalers."""
    target: str | None = None
    """What the autoscaler aims at, for instance `RequestsPerSecond 20`; `-` without one."""
    database: str | None = None
    """Ready or NotReady; `-` without a database."""
    url: str | None = None
    """Address of the service inside the cluster."""
    binding: Binding | None = None
    """The Secret with the database's address and credentials (servicebinding.io)."""
    migrated_image: str | None = None
    """The image whose migrations were last completed."""
