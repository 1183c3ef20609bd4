"""The kinds that the operator reads or writes, and their addresses in the API."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.api import API_VERSION, KIND, PLURAL
from shop_operator.children.kinds import CHILD_KINDS

MANAGED_BY = "app.kubernetes.io/managed-by=shop-operator"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object; `optional` ones exist only while their CRD is installed."""

    api_version: str
    kind: str
    plural: str
    optional: bool = False
    namespaced: bool = True

    @property
    def group(self) -> str:
        """API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def crd(self) -> str:
        """Name of the CustomResourceDefinition that would serve this kind."""
        return f"{self.plural}.{self.group}"

    @property
    def selector(self) -> str:
        """Which of them matter: those with our label; all ShopServices, and all that scale something."""
        return "" if self.kind in (KIND, "HorizontalPodAutoscaler") else MANAGED_BY

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Path of the collection or of one object: `/apis/apps/v1/namespaces/shop/deployments/cart`."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


SHOP_SERVICE = Kind(API_VERSION, KIND, PLURAL)
EVENT = Kind("events.k8s.io/v1", "Event", "events")
CRD = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)

CHILDREN = tuple(
    Kind(child.api_version, child.kind, child.plural, optional=child.optional) for child in CHILD_KINDS
)
# Pods are watched, never written: they alone say why a new version does not come up.
POD = Kind("v1", "Pod", "pods")
# Of all namespaces, and only where the operator has the right: see engine.volumes.
VOLUME = Kind("v1", "PersistentVolume", "persistentvolumes", namespaced=False)
WATCHED = (*CHILDREN, POD)

BY_KIND = {kind.kind: kind for kind in (SHOP_SERVICE, *WATCHED)}


def of(manifest_kind: str) -> Kind:
    """The Kind of that name. Raises KeyError for one that the operator does not handle."""
    return BY_KIND[manifest_kind]
