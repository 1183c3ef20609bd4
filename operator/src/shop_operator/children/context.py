"""What a child builder needs to know beside the ShopService itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shop_operator.settings import Settings

Manifest = dict[str, Any]
"""One Kubernetes object, in the form in which the API server would return what is named in it."""


class Ref(NamedTuple):
    """A ShopService by namespace and name."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Context:
    """The cluster around a ShopService, as far as its children depend on it."""

    settings: Settings = field(default_factory=Settings)
    kinds: frozenset[str] = frozenset()
    """The optional kinds that the cluster has: ScaledObject, PodMonitor, PrometheusRule."""
    dependants: frozenset[Ref] = frozenset()
    """The ShopServices that name this one in dependsOn."""
    autoscalers: frozenset[str] = frozenset()
    """The HorizontalPodAutoscalers of others that scale this one's Deployment."""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The credentials that exist: by name of the Secret (`catalog-db`, `catalog-cache`) its data, decoded."""
    generate: Callable[[], str] = lambda: ""
    """Makes a new password, where a Secret has none: the only thing here that may differ between calls.
    32 URL-safe characters do; it must never return an empty text in a cluster."""


@dataclass(frozen=True)
class Gap:
    """Something that the ShopService asks for and this cluster cannot give."""

    condition: str
    """Type of the condition that becomes False: AutoscalingActive."""
    reason: str
    """MetricNotAvailable"""
    message: str
    """Names the field and what to install."""
