"""Who writes the number of a service's pods, and how that changes hands without losing any: pure.

`replicas` of the Deployment is written by one side alone: by the operator, by the autoscaler that it made, or
by one that somebody else made. An autoscaler that takes over begins with the number that is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from shop_operator.engine.cache import Key, Ref, ref_of, scaled_deployment
from shop_operator.engine.ownership import Owner, controller, owner

Manifest = dict[str, Any]

SCALED_OBJECT, HPA = AUTOSCALERS = ("ScaledObject", "HorizontalPodAutoscaler")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers of pods an autoscaler is to choose."""

    fewest: int
    most: int

    def number(self, live: int, *, changes: bool, alone: bool) -> int:
        """The number that the autoscaler is to find.

        One that comes or changes is given its minimum at least: an HPA does nothing for a Deployment that has
        no pods. Where there is none (`alone`), nobody else keeps to the bounds; and a worker without pods
        would never be started again.
        """
        if alone:
            return min(max(live, self.fewest, 1), self.most)
        return max(live, self.fewest) if changes else live


def leftover(child: Manifest, key: Key, uid: str, wanted: Collection[Ref]) -> bool:
    """Whether an autoscaler is this service's and no longer wanted.

    Also one that has no owner, for it goes on scaling; and the HPA that KEDA made of a ScaledObject which is
    to go: the garbage collector takes it some time later, or not at all once KEDA's CRD is gone.
    """
    if child["kind"] not in AUTOSCALERS or ref_of(child) in wanted:
        return False
    if owner(child, key, uid) is Owner.OURS:
        return True
    ours = owner(_unowned(child), key, uid) is Owner.OURS
    return ours and _made_by_keda(child, key) and Ref(SCALED_OBJECT, *key) not in wanted


def of_others(children: Iterable[Manifest], key: Key, uid: str) -> frozenset[str]:
    """The names of the HPAs of somebody else that scale this service's Deployment."""
    return frozenset(
        child["metadata"]["name"]
        for child in children
        if scaled_deployment(child) == key.name
        and owner(child, key, uid) is Owner.FOREIGN
        and not _made_by_keda(child, key)
    )


def _made_by_keda(child: Manifest, key: Key) -> bool:
    """Whether KEDA made it of the ScaledObject of this service."""
    reference = controller(child)
    return reference is not None and (reference["kind"], reference["name"]) == (SCALED_OBJECT, key.name)


def _unowned(child: Manifest) -> Manifest:
    return {**child, "metadata": {**child["metadata"], "ownerReferences": None}}
