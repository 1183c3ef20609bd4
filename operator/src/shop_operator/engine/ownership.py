"""Whether an object with the name of a child is that child."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from shop_operator.engine.cache import NAME_LABEL, Key

Manifest = dict[str, Any]

MANAGED_BY_LABEL, MANAGED_BY = "app.kubernetes.io/managed-by", "shop-operator"


class Owner(Enum):
    """Whose an object is."""

    OURS = auto()
    # Of a ShopService of the same name that was deleted: the garbage collector is about to remove it.
    PREDECESSOR = auto()
    FOREIGN = auto()


def controller(live: Manifest) -> dict[str, Any] | None:
    """The ownerReference of the controller, if the object has one."""
    references = live["metadata"].get("ownerReferences") or ()
    found: dict[str, Any] | None = next((ref for ref in references if ref.get("controller")), None)
    return found


def owner(live: Manifest, key: Key, uid: str) -> Owner:
    """Whose the object is, seen from the ShopService `key` with that uid.

    Its own are those that it controls, and those that nobody controls and that carry its labels: what was
    retained or orphaned is adopted again.
    """
    reference = controller(live)
    if reference is None:
        labels = live["metadata"].get("labels") or {}
        adopted = labels.get(MANAGED_BY_LABEL) == MANAGED_BY and labels.get(NAME_LABEL) == key.name
        return Owner.OURS if adopted else Owner.FOREIGN
    if reference["uid"] == uid:
        return Owner.OURS
    if reference["kind"] == "ShopService" and reference["name"] == key.name:
        return Owner.PREDECESSOR
    return Owner.FOREIGN
