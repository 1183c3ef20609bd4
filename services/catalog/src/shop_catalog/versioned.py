"""Things that an administrator puts as a whole: made by the first request, changed by later ones."""

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from shop_chassis.etags import check_match
from shop_chassis.problems import Problem
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.errors import Conflict

R = TypeVar("R")
Matches = Callable[[int | None], None]
"""Raises where a change is based on another version than the present one; None: there is none yet."""


def expecting(if_match: str | None) -> Matches:
    """As If-Match says; without it a new thing can be made, but none be changed."""

    def check(version: int | None) -> None:
        if version is not None:
            # Tags of products that are read name what is available after the version.
            check_match(if_match and re.sub(r'-\d+"', '"', if_match), version)
        elif if_match is not None:
            raise Problem(412, "there is none yet to which If-Match could apply; leave it out to make one")

    return check


async def put(
    session: AsyncSession, kind: type[R], key: dict[str, Any], values: dict[str, Any], matches: Matches
) -> tuple[R, bool, bool]:
    """The row with these values, whether it is new, and whether anything has changed.

    Values that are there already need no If-Match: a request may be repeated. Raises Conflict when another
    request makes the same row, and what `matches` raises.
    """
    row: Any = await session.get(kind, tuple(key.values()), with_for_update=True)
    if row is None:
        matches(None)
        row = cast(Any, kind)(**key, **values, version=1)
        session.add(row)
        try:
            await session.flush()
        except IntegrityError as error:
            raise Conflict("another request made it at the same time; read it and decide again") from error
        return row, True, True
    if all(getattr(row, name) == value for name, value in values.items()):
        return row, False, False
    matches(row.version)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1
    await session.flush()
    return row, False, True
