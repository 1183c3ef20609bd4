"""The rules of the operator's role: for each kind what is done with it, and nothing else."""

from typing import Any

from shop_operator.api import GROUP, PLURAL
from shop_operator.children.kinds import CHILD_KINDS

Rule = dict[str, Any]

CHILD_VERBS = ["get", "list", "watch", "create", "patch", "delete"]
"""Read once before the first apply, watched, created, applied (a patch), pruned."""


def rules() -> dict[str, list[Rule]]:
    """`namespaced`: for a Role when one namespace is watched; `cluster`: always for a ClusterRole."""
    return {"cluster": _cluster(), "namespaced": _namespaced()}


def _namespaced() -> list[Rule]:
    by_group: dict[str, list[str]] = {}
    for kind in CHILD_KINDS:
        by_group.setdefault(kind.group, []).append(kind.plural)
    return [
        *(_rule(group, sorted(plurals), CHILD_VERBS) for group, plurals in sorted(by_group.items())),
        _rule(GROUP, [PLURAL], ["get", "list", "watch"]),
        _rule(GROUP, [f"{PLURAL}/status"], ["patch"]),
        # Where a cluster restricts blockOwnerDeletion, to own a child takes this right over the owner.
        _rule(GROUP, [f"{PLURAL}/finalizers"], ["update"]),
        # Pods alone say why a new version does not come up.
        _rule("", ["pods"], ["list", "watch"]),
        _rule("events.k8s.io", ["events"], ["create", "patch"]),
    ]


def _cluster() -> list[Rule]:
    # Optional kinds come and go with their CRDs.
    return [_rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["get", "list", "watch"])]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}
