"""Who may talk to the service and to whom it may talk, and how many of its pods may go at once."""

# ruff: noqa: RUF012 - pydantic copies default lists
import ipaddress
import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from shop_operator.api.base import IntOrPercent, Label, LabelValue, Model, PortNumber, Rule

Cidr = Annotated[str, Field(max_length=43, pattern=r"^[0-9a-fA-F.:]+/(0|[1-9][0-9]{0,2})$")]
"""A range of IP addresses, 10.0.0.0/8 or 2001:db8::/32."""


def _label_keys(labels: dict[str, str]) -> dict[str, str]:
    # Not in the CRD: a structural schema has no word for keys. A wrong one must not get as far as the
    # NetworkPolicy, which would be refused as a whole and leave the pods open.
    for key in labels:
        if not re.fullmatch(_LABEL_KEY, key):
            raise ValueError(f"expected keys of labels such as app.kubernetes.io/name, found {key!r}")
    return labels


_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"

Labels = Annotated[dict[str, LabelValue], Field(max_length=8), AfterValidator(_label_keys)]
"""Labels that pods are selected by."""


class PeerPort(Model):
    """A port that pods listen on."""

    port: PortNumber
    """Port of the pod or host that is called, not of a Service in front of it."""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    """Protocol of the port."""


class Peer(Model):
    """Others than ShopServices: a range of addresses, or pods by namespace and labels."""

    cidr: Cidr | None = None
    """Addresses outside the cluster, for instance 10.0.0.0/8. Pods are better named by their labels."""
    except_: Annotated[list[Cidr], Field(alias="except", max_length=16)] = []
    """Ranges within cidr that are left out."""
    namespace: Label | None = None
    """Namespace of the pods; with podLabels alone: this one."""
    pod_labels: Labels | None = None
    """Labels that the pods have; default: all pods of the namespace."""

    rules: ClassVar = (
        Rule(
            field="cidr",
            message="cidr excludes namespace and podLabels, and one of the three is needed",
            cel="has(self.cidr) != (has(self.__namespace__) || has(self.podLabels))",
            holds=lambda peer: (peer.cidr is None) != (peer.namespace is None and peer.pod_labels is None),
        ),
        Rule(
            field="cidr",
            message="cidr must be a range of addresses such as 10.0.0.0/8",
            cel="!has(self.cidr) || isCIDR(self.cidr)",
            holds=lambda peer: peer.cidr is None or _network(peer.cidr) is not None,
        ),
        Rule(
            field="except",
            message="except must be ranges within cidr and smaller than it",
            cel="!has(self.except) || self.except.size() == 0 || (has(self.cidr) && isCIDR(self.cidr)"
            " && self.except.all(e, isCIDR(e) && cidr(self.cidr).containsCIDR(e)"
            " && cidr(e).prefixLength() > cidr(self.cidr).prefixLength()))",
            holds=lambda peer: all(_within(one, peer.cidr) for one in peer.except_),
        ),
    )


class Egress(Peer):
    """What the service may call, beside what it declares elsewhere."""

    ports: Annotated[list[PeerPort], Field(max_length=16)] = []
    """Ports of the others; default: all."""


class Ingress(Peer):
    """Who may call the service, beside the ShopServices that name it in dependsOn."""

    ports: Annotated[list[PeerPort], Field(max_length=16)] = []
    """Ports of the service's pods; default: those of `ports`."""


class NetworkPolicy(Model):
    """The service is reached by those who declare it, and reaches what it declares: nothing else."""

    enabled: bool = True
    """Whether the service's pods are closed to all others. Without it everybody reaches them and they reach
    everybody; database and cache stay closed to all but the service."""
    egress: Annotated[list[Egress], Field(max_length=32)] = []
    """What else the service may call. DNS, database, cache, broker and dependsOn need no entry."""
    ingress: Annotated[list[Ingress], Field(max_length=32)] = []
    """Who else may call the service. ShopServices that name it in dependsOn need no entry, nor Prometheus."""


class DisruptionBudget(Model):
    """How many pods may be evicted at once, by the drain of a node for instance. One of the two fields.
    A pod that is not ready may always be evicted."""

    max_unavailable: IntOrPercent | None = None
    """Pods that may be missing at once, a number or a percentage (rounded up)."""
    min_available: IntOrPercent | None = None
    """Pods that must stay, a number or a percentage (rounded up). It must leave at least one of the fewest
    pods that there can be (`replicas`, or `autoscaling.min`) to be evicted, or no node could ever be
    drained."""

    rules: ClassVar = (
        Rule(
            field="maxUnavailable",
            message="maxUnavailable or minAvailable must be given, and not both",
            cel="has(self.maxUnavailable) != has(self.minAvailable)",
            holds=lambda budget: (budget.max_unavailable is None) != (budget.min_available is None),
        ),
        Rule(
            field="maxUnavailable",
            message="maxUnavailable must be above 0, or no node could ever be drained",
            cel="!has(self.maxUnavailable) || !(string(self.maxUnavailable) in ['0', '0%'])",
            holds=lambda budget: budget.max_unavailable not in (0, "0%"),
        ),
    )

    def leaves_one(self, pods: int) -> bool:
        """Whether one of that many pods may go. Of none, none has to."""
        least = self.min_available
        if least is None or pods == 0:
            return True
        if isinstance(least, int):
            return least < pods
        # The disruption controller rounds the pods that must stay up.
        return (100 - int(least.removesuffix("%"))) * pods >= 100


DRAINABLE_CEL = (
    "!has(self.disruptionBudget) || !has(self.disruptionBudget.minAvailable)"
    " || [has(self.autoscaling) ? (self.autoscaling.min == 0 ? 1 : self.autoscaling.min)"
    " : has(self.replicas) ? self.replicas : 1].all(pods, pods == 0"
    " || (string(self.disruptionBudget.minAvailable).endsWith('%')"
    " ? (100 - int(string(self.disruptionBudget.minAvailable).replace('%', ''))) * pods >= 100"
    " : int(string(self.disruptionBudget.minAvailable)) < pods))"
)
"""DisruptionBudget.leaves_one in CEL, for the fewest pods that there can be; see ShopServiceSpec.fewest."""


def is_range(cidr: str) -> bool:
    """Whether it is a range of addresses, as CEL's isCIDR has it."""
    return _network(cidr) is not None


def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None


def _within(inner: str, outer: str | None) -> bool:
    small, large = _network(inner), outer and _network(outer)
    if not small or not large or small.version != large.version:
        return False
    return small.prefixlen > large.prefixlen and small.network_address in large
