"""Lists whose ids are UUIDv7: newest first by id."""

from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from sqlalchemy import Select

R = TypeVar("R")

_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


async def newest_first(
    store: Store, query: Select[R], id: Any, limit: int, after: str | None
) -> tuple[list[R], str | None]:
    """A page and the cursor of the next. Raises Problem for a foreign cursor."""
    if after is not None:
        query = query.where(id < key_of(after, _by_id)[0])
    async with store.session() as session:
        rows = (await session.execute(query.order_by(id.desc()).limit(limit + 1))).scalars().all()
    page = list(rows[:limit])
    return page, cursor(getattr(page[-1], id.key)) if len(rows) > limit else None
