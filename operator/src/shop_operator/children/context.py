"""What a child builder needs to know beside the ShopService itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shop_operator.settings import Settings

Manifest = dict[str, Any]
"""One Kubernetes object, in the form in which the API server would return what is named in it."""


class Caller(NamedTuple):
    """A ShopService that calls another, and the ServiceAccount as which it does."""

    namespace: str
    name: str
    service_account: str


class Issuer(NamedTuple):
    """Who signs the cluster's service account tokens."""

    url: str
    """The `iss` of the tokens."""
    jwks: str
    """The public keys, a JSON Web Key Set (RFC 7517)."""


class Lender(NamedTuple):
    """The ShopService whose database another one shares."""

    dedicated: bool
    """Whether it has a dedicated database."""
    ready: bool
    """Whether that is ready."""


@dataclass(frozen=True)
class Context:
    """The cluster around a ShopService, as far as its children depend on it."""

    settings: Settings = field(default_factory=Settings)
    kinds: frozenset[str] = frozenset()
    """The optional kinds that the cluster has: ScaledObject, PodMonitor, PrometheusRule."""
    dependants: frozenset[Caller] = frozenset()
    """The ShopServices that name this one in dependsOn."""
    issuer: Issuer | None = None
    """Who signs the cluster's service account tokens, where that can be read."""
    autoscalers: frozenset[str] = frozenset()
    """The HorizontalPodAutoscalers of others that scale this one's Deployment."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The credentials that exist: by name of the Secret (`catalog-db`, `catalog-db-logins`, …) its data,
    decoded."""
    claims: Mapping[str, Manifest] = field(default_factory=dict)
    """The claims that exist, by name, as they are."""
    external: frozenset[str] | None = None
    """The keys that the Secret of an external database has; None where there is no such Secret."""
    sharers: frozenset[str] = frozenset()
    """Names of the ShopServices that share this one's database."""
    lender: Lender | None = None
    """Whose database this one shares, if there is such a ShopService."""
    completed: frozenset[str] = frozenset()
    """Names of this service's Jobs that have ended well."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The time, in UTC."""
    generate: Callable[[], str] = lambda: ""
    """Makes a new password, where a Secret has none: the only thing here that may differ between calls.
    32 URL-safe characters do; it must never return an empty text in a cluster."""


@dataclass(frozen=True)
class Gap:
    """Something that the ShopService asks for and does not have: the cluster cannot give it, or not yet."""

    condition: str
    """Type of the condition that says so: AutoscalingActive, Progressing, Degraded."""
    reason: str
    """MetricNotAvailable, IssuerKeysUnavailable"""
    message: str
    """Names the field and what to do."""
    retry_seconds: float | None = None
    """When to look again, where only time is missing."""
