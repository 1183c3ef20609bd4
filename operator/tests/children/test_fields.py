"""No field is for show: a change of any one changes what `render` prints, or a condition."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import pytest
from shop_operator.api import InvalidSpec, parse
from shop_operator.children import build, gaps
from shop_operator.engine.cache import ref_of
from shop_operator.status import Facts, report

from ..support.schema import NOTHING, Field, changed, example, grown, others, places, spec_fields, value_at
from . import golden

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LEAVES = [field for field in spec_fields() if field.leaf]


@pytest.mark.parametrize("field", LEAVES, ids=str)
def test_every_field_changes_something(field: Field) -> None:
    if len(field.schema.get("enum", ())) == 1:
        return  # it has no other value yet
    tried = 0
    for case, before, after in _changes(field):
        try:
            was, now = _effect(case, before), _effect(case, after)
        except InvalidSpec:
            continue  # rules tie it to another field
        tried += 1
        if now != was:
            return
    assert tried, f"no golden case has {field} so that it can be changed: add one"
    pytest.fail(f"{field} has no effect: {tried} changes of it changed no child and no condition")


def _changes(field: Field) -> Iterator[tuple[golden.Case, Any, Any]]:
    """Golden cases before and after one change. Where a rule is against it, also without the neighbours that
    are in the way; a field that decides which neighbours there may be cannot change alone."""
    for case in map(golden.case, golden.ACCEPTED):
        before = grown(case.obj, field)
        for place in places(before, field.path):
            value = value_at(before, place)
            values = [example(field.schema)] if value is NOTHING else []
            values += [*others(field.schema, value if value is not NOTHING else values[0])]
            if not field.required:
                values.append(NOTHING)
            for other in values:
                after = changed(before, place, other)
                yield case, before, after
                neighbours = list(_neighbours(after, place))
                for near in neighbours:
                    yield case, changed(before, near, NOTHING), changed(after, near, NOTHING)
                if "enum" in field.schema:
                    yield (
                        case,
                        before,
                        reduce(lambda obj, near: changed(obj, near, NOTHING), neighbours, after),
                    )


def _neighbours(obj: Any, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    around = value_at(obj, place[:-1])
    if isinstance(around, dict):
        yield from ((*place[:-1], name) for name in around if name != place[-1])


def _effect(case: golden.Case, obj: Any) -> Any:
    """What becomes of it: the children, and the status once they are there."""
    shop = parse(obj)
    context = replace(case.context, generate=lambda: "generated")
    children, missing = build(shop, context), gaps(shop, context)
    live = {(ref_of(child).kind, ref_of(child).name): child for child in children}
    suspended = () if shop.spec.suspend else None
    status = report(Facts(service=obj, children=live, gaps=tuple(missing), suspended=suspended), NOW)
    return children, status["conditions"]
