"""How the pods run: containers beside the service's own, rollout, placement, identity, and what is left."""

# ruff: noqa: RUF012 - pydantic copies default lists
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from shop_operator.api.base import Free, IntOrPercent, Label, LabelValue, Model, Name, Rule, Text
from shop_operator.api.container import EnvVar, Resources, VolumeMount

OUR_CONTAINERS = ("app", "wait-for-database")
"""Names of the containers that the operator makes."""
OUR_VOLUMES = ("tmp", "database-config", "identity", "callers")
"""Names of the volumes that the operator makes, beside those that begin with `binding-`."""
OUR_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/component",
    "shopservice.dev/name",
)
"""Labels by which Deployment, Service, NetworkPolicy and the operator itself find the pods."""
OUR_PREFIX = "shopservice.dev/"


class _Container(Model):
    """What containers beside the service's own have; further fields are passed on as in a pod."""

    model_config = ConfigDict(extra="allow")
    list_keys: ClassVar = ("name",)

    name: Label
    """Name of the container, unique within the pod."""
    command: Annotated[list[Text], Field(max_length=64)] = []
    """Command instead of the image's entry point."""
    args: Annotated[list[Text], Field(max_length=64)] = []
    """Arguments of the command."""
    env: Annotated[list[EnvVar], Field(max_length=64)] = []
    """Environment variables."""
    env_from: Annotated[list[Free], Field(max_length=16)] = []
    """Sources of whole sets of variables: configMapRef, secretRef, prefix."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=32)] = []
    """Where the container sees the volumes of the pod. /tmp is there without it."""
    resources: Resources | None = None
    """Default: 10m and 32Mi requested, 128Mi at most; for the service's own image those of the service."""
    security_context: Free | None = None
    """Laid over the default, which is what `restricted` namespaces ask for: no privileges, no capabilities,
    a root file system that is read only. The user is 65532 unless runAsUser says otherwise."""


class InitContainer(_Container):
    """A container that runs to its end before the service's container starts."""

    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")] | None = None
    """Container image. Left out: the service's own, with its environment and its volumes."""


class Sidecar(_Container):
    """A container that runs beside the service's: started before it, ended after it."""

    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
    """Container image."""


def _zero(amount: int | str | None) -> bool:
    return amount in (0, "0%")


class Rollout(Model):
    """How pods of one version are replaced by those of the next."""

    type: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """RollingUpdate: new pods come up beside the old ones, which serve until then. Recreate: all old pods end
    before the first new one starts, for what must never run twice; nothing serves in between."""
    max_surge: IntOrPercent | None = None
    """RollingUpdate: how many pods there may be beyond the wanted number; default 1."""
    max_unavailable: IntOrPercent | None = None
    """RollingUpdate: how many pods may be missing meanwhile; default 0."""
    min_ready_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Seconds for which a new pod has to be ready before the next one is replaced."""
    progress_deadline_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """Seconds without progress after which the rollout is reported as failed; the old pods go on serving.
    Default: 180 and minReadySeconds."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=7200)] = 40
    """Seconds from the signal to end until a pod is killed. The first of them it still accepts requests:
    $DRAIN_SECONDS, 5 unless this is under 10."""
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """How many old versions `kubectl rollout undo` can see. The operator puts back what it undoes."""

    rules: ClassVar = (
        Rule(
            field="maxSurge",
            message="maxSurge and maxUnavailable belong to type RollingUpdate",
            cel="self.type == 'RollingUpdate' || !(has(self.maxSurge) || has(self.maxUnavailable))",
            holds=lambda rollout: (
                rollout.type == "RollingUpdate"
                or (rollout.max_surge, rollout.max_unavailable) == (None, None)
            ),
        ),
        Rule(
            field="maxSurge",
            message="maxSurge 0 needs a maxUnavailable above 0: no pod could be replaced",
            cel="!has(self.maxSurge) || !(self.maxSurge == 0 || self.maxSurge == '0%')"
            " || (has(self.maxUnavailable) && self.maxUnavailable != 0 && self.maxUnavailable != '0%')",
            holds=lambda rollout: (
                not _zero(rollout.max_surge)
                or not (rollout.max_unavailable is None or _zero(rollout.max_unavailable))
            ),
        ),
        Rule(
            field="progressDeadlineSeconds",
            message="progressDeadlineSeconds must be above minReadySeconds",
            cel="!has(self.progressDeadlineSeconds) || self.progressDeadlineSeconds > self.minReadySeconds",
            holds=lambda rollout: (
                rollout.progress_deadline_seconds is None
                or rollout.progress_deadline_seconds > rollout.min_ready_seconds
            ),
        ),
    )


class TopologySpread(Model):
    """How evenly the pods are spread over nodes, zones or other parts of the cluster."""

    model_config = ConfigDict(extra="allow")
    list_keys: ClassVar = ("topologyKey", "whenUnsatisfiable")

    max_skew: Annotated[int, Field(ge=1, le=1000)] = 1
    """By how many pods two parts may differ."""
    topology_key: Annotated[str, Field(min_length=1, max_length=316)]
    """Label of the nodes whose values are the parts, for instance topology.kubernetes.io/zone."""
    when_unsatisfiable: Literal["ScheduleAnyway", "DoNotSchedule"] = "ScheduleAnyway"
    """What happens to a pod that would make it too uneven."""
    label_selector: Free | None = None
    """Which pods are counted; default: the service's, each version by itself."""


class Placement(Model):
    """On which nodes the service's pods run; its migrations follow, topologySpread apart."""

    node_selector: Annotated[dict[str, LabelValue], Field(max_length=32)] = {}
    """Labels that a node must have."""
    affinity: Free | None = None
    """Affinity to nodes and pods, as in a pod."""
    tolerations: Annotated[list[Free], Field(max_length=32)] = []
    """Taints of nodes that are tolerated, as in a pod."""
    topology_spread: Annotated[list[TopologySpread], Field(max_length=8)] | None = None
    """Instead of the default, which is an even spread over zones and nodes where that is possible.
    An empty list: none."""
    priority_class_name: Name | None = None
    """PriorityClass: whose pods are scheduled first, and evicted last."""
    runtime_class_name: Name | None = None
    """RuntimeClass: by what the containers are run."""


class ServiceAccount(Model):
    """Who the pods are, to other services and to a cloud. They get no token for the Kubernetes API, unless
    podTemplate.spec.automountServiceAccountToken says so."""

    name: Name | None = None
    """An existing ServiceAccount of the namespace; the operator then makes none. Services that share one are
    the same caller to others. Default: one of the service's own name."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] = {}
    """Annotations of the ServiceAccount that the operator makes: the identity in a cloud."""

    rules: ClassVar = (
        Rule(
            field="annotations",
            message="annotations belong to the ServiceAccount that the operator makes: name excludes them",
            cel="!has(self.name) || !has(self.annotations) || self.annotations.size() == 0",
            holds=lambda account: account.name is None or not account.annotations,
        ),
        Rule(
            field="annotations",
            message=f"annotations must leave {OUR_PREFIX} to the operator",
            cel=f"!has(self.annotations) || !self.annotations.exists(a, a.startsWith('{OUR_PREFIX}'))",
            holds=lambda account: not any(key.startswith(OUR_PREFIX) for key in account.annotations),
        ),
    )


class PodMetadata(Model):
    """Labels and annotations of the pods."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=32)] = {}
    """Labels beside those of the operator."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=32768)]], Field(max_length=32)] = {}
    """Annotations, for instance of a service mesh."""

    rules: ClassVar = (
        Rule(
            field="labels",
            message=f"labels must leave {', '.join(OUR_LABELS)} to the operator",
            cel=f"!has(self.labels) || !self.labels.exists(l, l in {list(OUR_LABELS)})",
            holds=lambda metadata: not any(label in OUR_LABELS for label in metadata.labels),
        ),
    )


class PodTemplate(Model):
    """The last word on the Deployment's pods, for what no other field says. Maps are merged; lists of named
    things too (containers, env and volumes by name, volumeMounts by mountPath, ports by containerPort and
    protocol), all other lists are replaced. The service's container is called app. Whoever takes away what
    the `restricted` profile asks for can do so here, and a namespace that enforces it refuses the pods."""

    metadata: PodMetadata | None = None
    """Labels and annotations of the pods."""
    spec: Free | None = None
    """Any field of a pod's spec. The API server checks it in the Deployment; what it refuses is told in the
    condition Reconciled. A serviceAccountName here counts as serviceAccount.name does."""

    def given(self) -> dict[str, Any]:
        """What was given, and nothing that was not."""
        given: dict[str, Any] = self.model_dump(by_alias=True, exclude_unset=True)
        return given
