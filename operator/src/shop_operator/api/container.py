"""The service's container: its ports, variables, volumes, resources and probes."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from shop_operator.api.base import Free, Label, Model, Name, PortNumber, Quantity, Rule, Text


class Port(Model):
    """A port of the container, and of the Service in front of it."""

    list_keys: ClassVar = ("name",)

    name: Annotated[str, Field(max_length=15, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the port, unique within the service."""
    port: PortNumber
    """Port that the container listens on."""
    service_port: PortNumber = 80
    """Port of the Service in front; callers use this one."""


class EnvVar(Model):
    """An environment variable, as in a pod."""

    list_keys: ClassVar = ("name",)

    name: Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Its value."""
    value_from: Free | None = None
    """A source of its value instead: secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef."""

    rules: ClassVar = (
        Rule(
            field="value",
            message="value and valueFrom exclude each other",
            cel="!(has(self.value) && has(self.valueFrom))",
            holds=lambda env: env.value is None or env.value_from is None,
        ),
    )


class SecretName(Model):
    """The name of a Secret in the same namespace."""

    list_keys: ClassVar = ("name",)

    name: Name
    """Name of the Secret."""


class Volume(Model):
    """A volume of the pod: a name and one source, as in a pod."""

    model_config = ConfigDict(extra="allow")
    list_keys: ClassVar = ("name",)

    name: Label
    """Name of the volume; tmp, database-config, identity, callers and binding-* are the operator's."""


class VolumeMount(Model):
    """Where a volume is mounted in the container."""

    list_keys: ClassVar = ("mountPath",)

    name: Label
    """Name of the volume."""
    mount_path: Annotated[str, Field(max_length=1024, pattern=r"^/[^:]*$")]
    """Absolute path in the container."""
    sub_path: Annotated[str, Field(max_length=1024)] | None = None
    """Path inside the volume that is mounted instead of its root."""
    read_only: bool | None = None
    """Whether the container may not write to it."""


class Resources(Model):
    """Compute resources of a container."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What the scheduler reserves, for instance {cpu: 50m, memory: 128Mi}."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What the container may use at most. A limit on cpu throttles; one on memory is wise."""


class HttpGet(Model):
    """An HTTP request; an answer from 200 to 399 is success."""

    path: Annotated[str, Field(max_length=1024, pattern=r"^/")]
    """Path of the request."""
    port: PortNumber | None = None
    """Port of the container; default: the first of `ports`, the same as $PORT."""


class TcpSocket(Model):
    """A TCP connection; accepting it is success."""

    port: PortNumber
    """Port of the container."""


class Exec(Model):
    """A command in the container; exit code 0 is success."""

    command: Annotated[list[Text], Field(min_length=1, max_length=64)]
    """The command and its arguments; no shell."""


class Probe(Model):
    """How the kubelet asks. What is left out keeps the operator's default."""

    http_get: HttpGet | None = None
    """Ask by HTTP. Default: /healthz for startup and liveness, /readyz for readiness, on $PORT."""
    tcp_socket: TcpSocket | None = None
    """Ask by opening a connection instead."""
    exec: Exec | None = None
    """Ask by running a command instead."""
    initial_delay_seconds: Annotated[int, Field(ge=0, le=86400)] | None = None
    """Seconds before the first probe; default: none."""
    period_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds between probes; default: startup 1, readiness 2, liveness 10."""
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds after which a probe has failed; default: 2, liveness 5."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Failures in a row until the kubelet acts; default: 3, startup 120."""

    rules: ClassVar = (
        Rule(
            field="",
            message="a probe has one of httpGet, tcpSocket and exec",
            cel="[has(self.httpGet), has(self.tcpSocket), has(self.exec)].filter(x, x).size() <= 1",
            holds=lambda probe: [probe.http_get, probe.tcp_socket, probe.exec].count(None) >= 2,
        ),
    )


class Probes(Model):
    """The three probes of the container."""

    startup: Probe | None = None
    """Until it succeeds the others wait; default: /healthz for up to two minutes."""
    readiness: Probe | None = None
    """Whether requests are sent to the pod; default: /readyz every 2 seconds."""
    liveness: Probe | None = None
    """Whether the container is restarted; default: /healthz every 10 seconds."""
