"""The rules of the operator's role: for each kind what is done with it, and nothing else."""

from typing import Any

from shop_operator.api import GROUP, PLURAL
from shop_operator.children.kinds import CHILD_KINDS, DOCUMENTS

Rule = dict[str, Any]

CHILD_VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""Read once before the first apply, watched, created, applied (a patch), pruned."""
NEVER = {
    "jobs": "patch",  # made once, then left alone
}
"""What is not done with some kinds."""


def rules() -> dict[str, list[Rule]]:
    """`namespaced`: all that is needed to watch one namespace, by a Role there; `cluster`: what watching all
    of them takes beside; `volumes`: what protect_volumes takes."""
    return {"cluster": _cluster(), "namespaced": _namespaced(), "volumes": _volumes()}


def _namespaced() -> list[Rule]:
    alike: dict[tuple[str, str], list[str]] = {}
    for kind in CHILD_KINDS:
        alike.setdefault((kind.group, NEVER.get(kind.plural, "")), []).append(kind.plural)
    return [
        *(
            _rule(group, sorted(plurals), [verb for verb in CHILD_VERBS if verb != never])
            for (group, never), plurals in sorted(alike.items())
        ),
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
    return [
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["list", "watch"]),
        # The keys of service account tokens, by which services know their callers.
        {"nonResourceURLs": list(DOCUMENTS), "verbs": ["get"]},
    ]


def _volumes() -> list[Rule]:
    return [_rule("", ["persistentvolumes"], ["list", "watch", "patch"])]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}
