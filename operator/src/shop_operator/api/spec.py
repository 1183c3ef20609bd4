"""What a platform engineer writes. Each docstring here is what `kubectl explain` prints."""

# ruff: noqa: RUF012 - pydantic copies default lists

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from shop_operator.api import quantity
from shop_operator.api.base import Free, Label, Model, Name, PortNumber, Quantity, Rule, Text

RESERVED_ENV = ("SHOP_SERVICE", "POD_NAME", "POD_NAMESPACE", "PORT", "SERVICE_BINDING_ROOT")
"""Variables that only the operator sets: what else it makes depends on them."""


class Port(Model):
    """A port of the container, and of the Service in front of it."""

    list_keys: ClassVar = ("name",)

    name: Annotated[str, Field(max_length=15, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the port, unique within the service."""
    port: PortNumber
    """Port that the container listens on."""
    service_port: PortNumber = 80
    """Port of the Service; callers use this one."""


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
    """Name of the volume; `tmp` and those that begin with `binding-` are the operator's."""


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
    """Seconds before the first probe."""
    period_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds between probes."""
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds after which a probe has failed."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Failures in a row until the kubelet acts."""

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


class Metric(Model):
    """One thing to scale on. The autoscaler follows whichever metric asks for most pods."""

    type: Literal["RequestsPerSecond", "Concurrency", "QueueLag", "Cpu", "Memory"]
    """RequestsPerSecond: finished requests per second. Concurrency: requests in flight, on average.
    QueueLag: messages that wait in a durable consumer of the broker. Cpu, Memory: per cent of the
    request. The first three need KEDA."""
    target: Quantity
    """What one pod is to carry: a number, for Cpu and Memory per cent of its request."""
    stream: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the JetStream stream."""
    consumer: Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """QueueLag: the durable consumer on that stream."""

    rules: ClassVar = (
        Rule(
            field="target",
            message="target must be above 0",
            cel="quantity(string(self.target)).isGreaterThan(quantity('0'))",
            holds=lambda metric: quantity.value(metric.target) > 0,
        ),
        Rule(
            field="target",
            message="target of Cpu, Memory and QueueLag must be a whole number",
            cel="!(self.type in ['Cpu', 'Memory', 'QueueLag']) || quantity(string(self.target)).isInteger()",
            holds=lambda metric: (
                metric.type not in ("Cpu", "Memory", "QueueLag") or quantity.value(metric.target) % 1 == 0
            ),
        ),
        Rule(
            field="stream",
            message="stream and consumer belong to QueueLag, which needs both",
            cel="self.type == 'QueueLag' ? has(self.stream) && has(self.consumer)"
            " : !has(self.stream) && !has(self.consumer)",
            holds=lambda metric: (
                [metric.stream, metric.consumer].count(None) == (0 if metric.type == "QueueLag" else 2)
            ),
        ),
    )


class Autoscaling(Model):
    """How many pods, by the service's own metrics."""

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    """Fewest pods. 0 lets a worker that scales on QueueLag alone stop when nothing waits."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """Most pods."""
    metrics: Annotated[list[Metric], Field(min_length=1, max_length=8)]
    """What to scale on."""
    scale_down_stabilization_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """Pods are removed only when that was right for so long."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86400)] = 30
    """With min 0: seconds from the last message to the last pod's end."""

    rules: ClassVar = (
        Rule(
            field="min",
            message="min must not be above max",
            cel="self.min <= self.max",
            holds=lambda autoscaling: autoscaling.min <= autoscaling.max,
        ),
        Rule(
            field="min",
            message="min can be 0 only when every metric is QueueLag: nothing else is measured without a pod",
            cel="self.min > 0 || self.metrics.all(m, m.type == 'QueueLag')",
            holds=lambda autoscaling: (
                autoscaling.min > 0 or all(metric.type == "QueueLag" for metric in autoscaling.metrics)
            ),
        ),
        Rule(
            field="metrics",
            message="metrics must name each type once, QueueLag apart",
            cel="self.metrics.all(m, m.type == 'QueueLag' || self.metrics.exists_one(n, n.type == m.type))",
            holds=lambda autoscaling: _once(
                [metric.type for metric in autoscaling.metrics if metric.type != "QueueLag"]
            ),
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
            field="storage",
            message="storage can only grow: a volume cannot shrink",
            cel="quantity(self.storage).compareTo(quantity(oldSelf.storage)) >= 0",
            holds=None,
        ),
        Rule(
            field="version",
            message="version cannot change: the data is in the format of the old one",
            cel="self.version == oldSelf.version",
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


class Events(Model):
    """Access to the broker: $EVENTS_URL and a way through the NetworkPolicy."""


class Migrations(Model):
    """A Job that brings the database to the image's schema before the Deployment moves to that image.
    The version before keeps running meanwhile and must still work on the new schema."""

    command: Annotated[list[Text], Field(max_length=64)] = []
    """Command instead of the image's entry point."""
    args: Annotated[list[Text], Field(max_length=64)] = []
    """Arguments of the command, usually [migrate]."""


class Dependency(Model):
    """Another ShopService that this one calls: its URL in $<NAME>_URL, and a way through both
    NetworkPolicies. It need not exist yet."""

    list_keys: ClassVar = ("name",)

    name: Annotated[str, Field(max_length=40, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the other ShopService."""
    namespace: Label | None = None
    """Its namespace; default: this one's."""
    port: PortNumber = 80
    """The servicePort of the other."""


class Tls(Model):
    """The certificate of an Ingress."""

    secret_name: Name
    """Secret of type kubernetes.io/tls; made by hand or by cert-manager."""


class Expose(Model):
    """How the first port is reached from outside the cluster."""

    type: Literal["NodePort", "Ingress"]
    """NodePort: a port on every node. Ingress: a host name, by an ingress controller."""
    node_port: PortNumber | None = None
    """NodePort: the port, within the cluster's range (usually 30000-32767); default: the cluster chooses."""
    host: Annotated[str, Field(max_length=253, pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] | None = (
        None
    )
    """Ingress: the host name."""
    ingress_class_name: Name | None = None
    """Ingress: which controller; default: the cluster's."""
    tls: Tls | None = None
    """Ingress: serve HTTPS with this certificate."""

    rules: ClassVar = (
        Rule(
            field="nodePort",
            message="nodePort belongs to type NodePort",
            cel="self.type == 'NodePort' || !has(self.nodePort)",
            holds=lambda expose: expose.type == "NodePort" or expose.node_port is None,
        ),
        Rule(
            field="host",
            message="host, ingressClassName and tls belong to type Ingress, which needs host",
            cel="self.type == 'Ingress' ? has(self.host)"
            " : !has(self.host) && !has(self.ingressClassName) && !has(self.tls)",
            holds=lambda expose: (
                expose.host is not None
                if expose.type == "Ingress"
                else (expose.host, expose.ingress_class_name, expose.tls) == (None, None, None)
            ),
        ),
    )


class Monitoring(Model):
    """Scraping of the service's metrics by Prometheus."""

    enabled: bool = True
    """Whether to scrape. RequestsPerSecond and Concurrency need it."""
    port: PortNumber | None = None
    """Port of the metrics; default: the first of `ports`, 8080 when there is none."""
    path: Annotated[str, Field(max_length=1024, pattern=r"^/")] = "/metrics"
    """Path of the metrics."""
    interval: Annotated[str, Field(max_length=8, pattern=r"^[1-9][0-9]*(ms|s|m)$")] = "5s"
    """Time between scrapes. The autoscaler looks back 15 seconds: keep it at 5 seconds or less for it."""


class ShopServiceSpec(Model):
    """What the service is and needs. Only `image` must be given."""

    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
    """Container image, best with a tag or digest that never changes."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull the image; default: as in a pod."""
    image_pull_secrets: Annotated[list[SecretName], Field(max_length=16)] = []
    """Secrets with credentials of the registry."""
    command: Annotated[list[Text], Field(max_length=64)] = []
    """Command instead of the image's entry point."""
    args: Annotated[list[Text], Field(max_length=64)] = []
    """Arguments of the command."""
    ports: Annotated[list[Port], Field(max_length=16)] = []
    """Ports of the container; the first is $PORT. None at all: a worker, which gets no Service."""
    env: Annotated[list[EnvVar], Field(max_length=128)] = []
    """Environment variables, beside those that the operator sets."""
    env_from: Annotated[list[Free], Field(max_length=16)] = []
    """Sources of whole sets of variables, as in a pod: configMapRef, secretRef, prefix."""
    volumes: Annotated[list[Volume], Field(max_length=32)] = []
    """Volumes, as in a pod."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=32)] = []
    """Where the container sees the volumes."""
    resources: Resources | None = None
    """Of the container; default: 25m and 96Mi requested, 256Mi at most."""
    probes: Probes | None = None
    """Instead of the default probes."""
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of pods; default 1. Excludes `autoscaling`. `kubectl scale` sets it."""
    autoscaling: Autoscaling | None = None
    """Let metrics choose the number of pods. Excludes `replicas`."""
    database: Database | None = None
    """Give the service a database."""
    cache: Cache | None = None
    """Give the service a cache."""
    events: Events | None = None
    """Give the service access to the broker."""
    migrations: Migrations | None = None
    """Run the image as a Job before it is rolled out."""
    depends_on: Annotated[list[Dependency], Field(max_length=32)] = []
    """The ShopServices that this one calls."""
    expose: Expose | None = None
    """Make the first port reachable from outside the cluster; default: from inside only."""
    monitoring: Monitoring | None = None
    """Scraping of metrics; default: enabled, /metrics on $PORT every 5 seconds."""

    rules: ClassVar = (
        Rule(
            field="replicas",
            message="replicas and autoscaling exclude each other: scale by autoscaling.min and max",
            cel="!(has(self.replicas) && has(self.autoscaling))",
            holds=lambda spec: spec.replicas is None or spec.autoscaling is None,
        ),
        Rule(
            field="ports",
            message="ports must have a servicePort each of their own",
            cel="!has(self.ports) || self.ports.all(p,"
            " self.ports.exists_one(q, q.servicePort == p.servicePort))",
            holds=lambda spec: _once([port.service_port for port in spec.ports]),
        ),
        Rule(
            field="ports",
            message="ports must have a container port each of their own",
            cel="!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, q.port == p.port))",
            holds=lambda spec: _once([port.port for port in spec.ports]),
        ),
        Rule(
            field="env",
            message=f"env must leave {', '.join(RESERVED_ENV)} to the operator",
            cel=f"!has(self.env) || !self.env.exists(e, e.name in {list(RESERVED_ENV)})",
            holds=lambda spec: not any(env.name in RESERVED_ENV for env in spec.env),
        ),
        Rule(
            field="autoscaling",
            message="autoscaling on QueueLag needs events: {}",
            cel="!has(self.autoscaling) || has(self.events)"
            " || !self.autoscaling.metrics.exists(m, m.type == 'QueueLag')",
            holds=lambda spec: (
                spec.autoscaling is None
                or spec.events is not None
                or not any(metric.type == "QueueLag" for metric in spec.autoscaling.metrics)
            ),
        ),
        Rule(
            field="autoscaling",
            message="autoscaling on RequestsPerSecond or Concurrency needs monitoring",
            cel="!has(self.autoscaling) || !has(self.monitoring) || self.monitoring.enabled"
            " || !self.autoscaling.metrics.exists(m, m.type in ['RequestsPerSecond', 'Concurrency'])",
            holds=lambda spec: (
                spec.autoscaling is None
                or spec.monitoring is None
                or spec.monitoring.enabled
                or not any(
                    metric.type in ("RequestsPerSecond", "Concurrency") for metric in spec.autoscaling.metrics
                )
            ),
        ),
        Rule(
            field="expose",
            message="expose needs ports",
            cel="!has(self.expose) || (has(self.ports) && self.ports.size() > 0)",
            holds=lambda spec: spec.expose is None or bool(spec.ports),
        ),
    )


def _once(names: list[object]) -> bool:
    return len(names) == len(set(names))
