"""Keyset paging: a cursor is where the next page begins, so no item is skipped or shown twice."""

import base64
import binascii
import json
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import TypeAdapter, ValidationError

from shop_chassis.problems import Problem

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="Items on a page")]
After = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


def cursor(*key: Any) -> str:
    """The key of a page's last item, for callers to hand back; they are not to read it."""
    text = json.dumps(key, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def key_of(after: str, shape: TypeAdapter[T]) -> T:
    """The key inside a cursor, checked against the shape it was made in. Raises Problem 422."""
    try:
        raw = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        return shape.validate_json(raw)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise Problem(422, "after: not a cursor of this list in this order; begin without it") from error
