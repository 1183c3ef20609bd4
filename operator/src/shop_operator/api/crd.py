"""The CustomResourceDefinition, made from the models."""

from typing import Any

from shop_operator.api.resource import GROUP, KIND, PLURAL, VERSION, ShopService
from shop_operator.api.schema import structural

COLUMNS = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Status", "string", ".status.summary", 0),
    ("Replicas", "integer", ".status.replicas", 0),
    ("Target", "string", ".status.target", 0),
    ("Database", "string", ".status.database", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Image", "string", ".spec.image", 1),
)
"""What `kubectl get shopservices` prints; priority 1 only with `-o wide`."""


def custom_resource_definition() -> dict[str, Any]:
    """The CRD as the API server takes it (apiextensions.k8s.io/v1)."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["shop"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _schema()},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [_column(*column) for column in COLUMNS],
                }
            ],
        },
    }


def _schema() -> dict[str, Any]:
    schema = structural(ShopService)
    # The API server has its own idea of these three; only the name may be restricted, by the rules.
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": schema["properties"]["spec"],
        "status": {key: value for key, value in schema["properties"]["status"].items() if key != "default"},
    }
    schema["required"] = ["spec"]
    for rule in schema["x-kubernetes-validations"]:
        del rule["fieldPath"]  # it may not lead into metadata; the message names the field
    return schema


def _column(name: str, kind: str, path: str, priority: int) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": priority} if priority else column
