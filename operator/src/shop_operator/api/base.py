"""What every model of the API is made of: one configuration, quantities, and rules."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shop_operator.api import quantity


@dataclass(frozen=True)
class Rule:
    """What one field alone cannot say: a CEL expression for the API server, and the same in Python."""

    field: str
    """The field to be named in the error, below the model that carries the rule; "" for the model itself."""
    message: str
    """Starts with the field's name; says what is expected."""
    cel: str
    """True when the object is right. With `oldSelf` it compares with what is stored (a transition rule)."""
    holds: Callable[[Any], bool] | None
    """The same over the model; None for a transition rule, which only the API server can judge."""

    def validation(self) -> dict[str, str]:
        """The item of x-kubernetes-validations."""
        path = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.cel, "message": self.message, **path}


class Model(BaseModel):
    """A part of a ShopService: camelCase outside, unknown fields refused, docstrings as descriptions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()
    list_keys: ClassVar[tuple[str, ...]] = ()
    """What identifies an item in a list of these (list-type map); empty: the list is atomic."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.validation() for rule in cls.rules]
        if cls.list_keys:
            schema["x-list-keys"] = list(cls.list_keys)
        return schema


def _text(number: object) -> object:
    """YAML reads `cpu: 2` as a number; a quantity is kept as text."""
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else number


_INT_OR_STRING = {
    "x-kubernetes-int-or-string": True,
    "pattern": quantity.PATTERN,
    "minimum": 0,
    "maxLength": 32,
}

Quantity = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(quantity.canonical),
    WithJsonSchema(_INT_OR_STRING),
]
"""A Kubernetes quantity without sign, kept in canonical form."""


_PERCENT = r"^(100|[1-9]?[0-9])%$"
_MOST_PODS = 1000


def _count(found: object) -> int | str:
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _MOST_PODS:
        return found
    if isinstance(found, str) and re.fullmatch(_PERCENT, found):
        return found
    raise ValueError(f"expected a number from 0 to {_MOST_PODS} or a percentage from 0% to 100%")


IntOrPercent = Annotated[
    int | str,
    PlainValidator(_count),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": _PERCENT,
            "maxLength": 4,
            "minimum": 0,
            "maximum": _MOST_PODS,
        }
    ),
]
"""A number of pods, or a share of them such as 25%."""

Name = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of another object."""

Label = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""A DNS label, such as a namespace's name."""

Text = Annotated[str, Field(max_length=4096)]

PortNumber = Annotated[int, Field(ge=1, le=65535)]

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
"""The value of a label; it may be empty."""

Free = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A part of a pod spec that is passed on as it is; the API server checks it in the child."""


def once(names: Sequence[object]) -> bool:
    """Whether nothing is named twice."""
    return len(names) == len(set(names))
