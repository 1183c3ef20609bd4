"""The form in which the API server returns what it was given, so that "desired ⊆ live" compares equal."""

from typing import Any

from shop_operator.api import quantity

_RESOURCES = frozenset({"requests", "limits", "overhead"})
_MILLI = -3
_QUANTITY = frozenset({"sizeLimit", "divisor"})
_AS_IT_IS = frozenset(
    {"data", "binaryData", "labels", "annotations", "matchLabels", "nodeSelector", "volumeAttributes"}
)
"""Maps from names to texts, where an empty text is a value."""
_POSITIVE = frozenset({"timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"})
"""Of probes: here 0 is replaced by the default, as if it was not given."""


def canonical(value: Any, key: str = "") -> Any:
    """A copy without nulls, empty texts and empty lists, and with quantities as the server writes them.

    Empty maps, 0 and false stay: in the fields that builders set they mean something (`emptyDir: {}`,
    `maxUnavailable: 0`, `automountServiceAccountToken: false`).
    """
    if isinstance(value, dict):
        if key in _AS_IT_IS:
            return dict(value)
        if key in _RESOURCES:
            return {name: _amount(amount, _MILLI) for name, amount in value.items()}
        # Every reconcile passes here with all its children: most of their values are leaves that just stay.
        found = {}
        for name, item in value.items():
            if isinstance(item, dict):
                found[name] = canonical(item, name)
            elif isinstance(item, list):
                if item:
                    found[name] = canonical(item)
            elif item is not None and item != "" and not (item == 0 and name in _POSITIVE):
                found[name] = _amount(item) if name in _QUANTITY else item
        return found
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def _amount(found: Any, finest: int = quantity.NANO) -> Any:
    try:
        return quantity.canonical(str(found), finest)
    except ValueError:
        return found  # passed on from the resource as it is: the API server names the fault in the child
