"""What a platform engineer writes. Each docstring of a field here is what `kubectl explain` prints."""

# ruff: noqa: RUF012 - pydantic copies default lists
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api.base import Free, Label, Model, Name, PortNumber, Rule, Text, once
from shop_operator.api.container import EnvVar, Port, Probes, Resources, SecretName, Volume, VolumeMount
from shop_operator.api.jobs import ScheduledJob
from shop_operator.api.network import DRAINABLE_CEL, DisruptionBudget, NetworkPolicy
from shop_operator.api.pod import (
    OUR_CONTAINERS,
    OUR_VOLUMES,
    InitContainer,
    Placement,
    PodTemplate,
    Rollout,
    ServiceAccount,
    Sidecar,
)
from shop_operator.api.scaling import Autoscaling
from shop_operator.api.slo import Monitoring, Slo
from shop_operator.api.stores import Cache, Database

RESERVED_ENV = ("SHOP_SERVICE", "POD_NAME", "POD_NAMESPACE", "PORT", "SERVICE_BINDING_ROOT")
"""Variables that only the operator sets: what else it makes depends on them."""


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
    path: Annotated[str, Field(max_length=1024, pattern=r"^/[^\s]*$")] | None = None
    """Ingress: only what is at or below this path; default: /, all of the host."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] | None = None
    """Ingress: annotations for its controller or for cert-manager, for instance
    {cert-manager.io/cluster-issuer: letsencrypt}."""

    rules: ClassVar = (
        Rule(
            field="nodePort",
            message="nodePort belongs to type NodePort",
            cel="self.type == 'NodePort' || !has(self.nodePort)",
            holds=lambda expose: expose.type == "NodePort" or expose.node_port is None,
        ),
        Rule(
            field="host",
            message="host, ingressClassName, tls, path and annotations belong to type Ingress, which needs"
            " host",
            cel="self.type == 'Ingress' ? has(self.host) : !(has(self.host) || has(self.ingressClassName)"
            " || has(self.tls) || has(self.path) || has(self.annotations))",
            holds=lambda expose: (
                expose.host is not None
                if expose.type == "Ingress"
                else (expose.host, expose.ingress_class_name, expose.tls, expose.path, expose.annotations)
                == (None,) * 5
            ),
        ),
    )


class ShopServiceSpec(Model):
    """What the service is and needs. Only `image` must be given."""

    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
    """Container image, best with a tag or digest that never changes."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull the image; default: as in a pod."""
    image_pull_secrets: Annotated[list[SecretName], Field(max_length=16)] = []
    """Secrets of type kubernetes.io/dockerconfigjson with credentials of the image's registry."""
    command: Annotated[list[Text], Field(max_length=64)] = []
    """Command instead of the image's entry point."""
    args: Annotated[list[Text], Field(max_length=64)] = []
    """Arguments of the command."""
    ports: Annotated[list[Port], Field(max_length=16)] = []
    """Ports of the container. The first is given to it as $PORT; health and metrics are asked for there.
    None at all: a worker, which gets no Service."""
    env: Annotated[list[EnvVar], Field(max_length=128)] = []
    """Environment variables. The operator sets SHOP_SERVICE, POD_NAME, POD_NAMESPACE, PORT and
    SERVICE_BINDING_ROOT, with `events` EVENTS_URL, and for each of `dependsOn` <NAME>_URL."""
    env_from: Annotated[list[Free], Field(max_length=16)] = []
    """Sources of whole sets of variables, as in a pod: configMapRef, secretRef, prefix."""
    volumes: Annotated[list[Volume], Field(max_length=32)] = []
    """Volumes, as in a pod. The root file system is read-only; /tmp is there to be written to."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=32)] = []
    """Where the container sees the volumes."""
    resources: Resources | None = None
    """What the container reserves and may use; default: 25m and 96Mi requested, 256Mi at most."""
    probes: Probes | None = None
    """How the kubelet asks whether the container has started, can serve and lives; default: by HTTP on
    $PORT, /healthz and /readyz."""
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of pods; default: 1. Excludes `autoscaling`, and must be given when that is removed: else the
    default would end all pods but one. `kubectl scale` sets it."""
    autoscaling: Autoscaling | None = None
    """Let metrics of the service choose the number of pods between two bounds. Excludes `replicas`."""
    database: Database | None = None
    """Give the service a PostgreSQL database: address and credentials in files below /bindings/database. When
    the section is removed, or the ShopService, the data stays (deletionPolicy)."""
    cache: Cache | None = None
    """Give the service a Redis cache: address and password in files below /bindings/cache."""
    events: Events | None = None
    """Give the service access to the broker: $EVENTS_URL, and a way through the NetworkPolicy. Written as
    `events: {}`."""
    migrations: Migrations | None = None
    """Run the image as a Job that brings the database to its schema, before the Deployment moves to it. The
    version before keeps running meanwhile and must work on the new schema; a failed Job stops the rollout."""
    jobs: Annotated[list[ScheduledJob], Field(max_length=16)] = []
    """What the image does by the clock: a CronJob each. One that is no longer named is removed, and with it
    a run that goes on."""
    depends_on: Annotated[list[Dependency], Field(max_length=32)] = []
    """The ShopServices that this one calls: gives their URLs, and opens exactly these ways."""
    expose: Expose | None = None
    """Make the first port reachable from outside the cluster; default: from inside only."""
    monitoring: Monitoring | None = None
    """Scraping of metrics; default: enabled, /metrics on $PORT every 5 seconds."""
    disruption_budget: DisruptionBudget | None = None
    """How many pods a drain may take at once; default: one, where there can be several."""
    network_policy: NetworkPolicy | None = None
    """Who else may call the service, and what else it may call; default: nobody and nothing."""
    slo: Slo | None = None
    """What the service promises: alerts when it is about to be broken, and a dashboard."""
    init_containers: Annotated[list[InitContainer], Field(max_length=16)] = []
    """Containers that run to their end, one after another, before the service's container starts, in its
    pods and in those of its migrations."""
    sidecars: Annotated[list[Sidecar], Field(max_length=16)] = []
    """Containers that run beside the service's: from before the initContainers until it has ended, so they
    do not keep a migration from completing."""
    rollout: Rollout | None = None
    """How a new version replaces the old one; default: one pod at a time, and none goes before another
    serves."""
    placement: Placement | None = None
    """On which nodes the pods run; default: spread over zones and nodes."""
    service_account: ServiceAccount | None = None
    """Who the pods are; default: a ServiceAccount of the service's name, without any rights."""
    pod_template: PodTemplate | None = None
    """Whatever else the pods of the Deployment should have: laid over all that the operator says."""

    suspend: bool = False
    """Leave all children alone: nothing is made, changed, repaired or removed until this is false again. The
    status goes on; its condition Reconciled says what waits to be done."""

    rules: ClassVar = (
        Rule(
            field="replicas",
            message="replicas and autoscaling exclude each other: scale by autoscaling.min and max",
            cel="!(has(self.replicas) && has(self.autoscaling))",
            holds=lambda spec: spec.replicas is None or spec.autoscaling is None,
        ),
        Rule(
            field="replicas",
            message="replicas must be given when autoscaling is removed: the default would leave one pod",
            cel="has(self.replicas) || has(self.autoscaling) || !has(oldSelf.autoscaling)",
            holds=None,
        ),
        Rule(
            field="disruptionBudget.minAvailable",
            message="disruptionBudget.minAvailable must leave at least one of the fewest pods (replicas, or"
            " autoscaling.min) to be evicted, or no node could ever be drained",
            cel=DRAINABLE_CEL,
            holds=lambda spec: (
                spec.disruption_budget is None or spec.disruption_budget.leaves_one(spec.fewest)
            ),
        ),
        Rule(
            field="ports",
            message="ports must have a servicePort each of their own",
            cel="!has(self.ports) || self.ports.all(p,"
            " self.ports.exists_one(q, q.servicePort == p.servicePort))",
            holds=lambda spec: once([port.service_port for port in spec.ports]),
        ),
        Rule(
            field="ports",
            message="ports must have a container port each of their own",
            cel="!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, q.port == p.port))",
            holds=lambda spec: once([port.port for port in spec.ports]),
        ),
        Rule(
            field="env",
            message=f"env must leave {', '.join(RESERVED_ENV)} to the operator",
            cel=f"!has(self.env) || !self.env.exists(e, e.name in {list(RESERVED_ENV)})",
            holds=lambda spec: not any(env.name in RESERVED_ENV for env in spec.env),
        ),
        Rule(
            field="volumes",
            message=f"volumes must leave {', '.join(OUR_VOLUMES)} and binding-* to the operator",
            cel=f"!has(self.volumes) || !self.volumes.exists(v, v.name in {list(OUR_VOLUMES)}"
            " || v.name.startsWith('binding-'))",
            holds=lambda spec: (
                not any(
                    volume.name in OUR_VOLUMES or volume.name.startswith("binding-")
                    for volume in spec.volumes
                )
            ),
        ),
        Rule(
            field="initContainers",
            message=f"initContainers must leave {', '.join(OUR_CONTAINERS)} to the operator",
            cel="!has(self.initContainers)"
            f" || !self.initContainers.exists(c, c.name in {list(OUR_CONTAINERS)})",
            holds=lambda spec: not any(one.name in OUR_CONTAINERS for one in spec.init_containers),
        ),
        Rule(
            field="sidecars",
            message=f"sidecars must leave {', '.join(OUR_CONTAINERS)} to the operator",
            cel=f"!has(self.sidecars) || !self.sidecars.exists(c, c.name in {list(OUR_CONTAINERS)})",
            holds=lambda spec: not any(one.name in OUR_CONTAINERS for one in spec.sidecars),
        ),
        Rule(
            field="sidecars",
            message="sidecars and initContainers must have names of their own",
            cel="!has(self.sidecars) || !has(self.initContainers)"
            " || !self.sidecars.exists(s, self.initContainers.exists(i, i.name == s.name))",
            holds=lambda spec: (
                not ({one.name for one in spec.sidecars} & {one.name for one in spec.init_containers})
            ),
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
        Rule(
            field="slo",
            message="slo needs ports: it is about the requests that the service answers",
            cel="!has(self.slo) || (has(self.ports) && self.ports.size() > 0)",
            holds=lambda spec: spec.slo is None or bool(spec.ports),
        ),
        Rule(
            field="slo",
            message="slo needs monitoring",
            cel="!has(self.slo) || !has(self.monitoring) || self.monitoring.enabled",
            holds=lambda spec: spec.slo is None or spec.monitoring is None or spec.monitoring.enabled,
        ),
    )

    @property
    def fewest(self) -> int:
        """The fewest pods that there can be while one has to be there; an autoscaler's 0 is soon 1."""
        if self.autoscaling:
            return max(self.autoscaling.min, 1)
        return 1 if self.replicas is None else self.replicas
