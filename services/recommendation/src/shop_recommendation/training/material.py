"""Reads what a model is made of."""

from array import array
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_recommendation.content import Features
from shop_recommendation.ranking import Kind
from shop_recommendation.tables import metadata
from shop_recommendation.training.log import CART, ORDER, VIEW, Goods, Ints, Log, Material

KINDS: dict[Kind, int] = {"view": VIEW, "cart": CART, "order": ORDER}

_products, _categories, _interactions = (
    metadata.tables[name].c for name in ("product", "category", "interaction")
)


async def read(store: Store, *, most: int) -> Material:
    """The newest interactions, all products, oldest first, and the tree; row by row, as of one moment."""
    async with store.engine.connect() as connection, connection.begin():
        query = select(*_products).order_by(_products.known_at, _products.id)
        goods = [
            Goods(row.id, Features.of(row.category, row.attributes, row.amount, row.currency), row.active)
            async for row in await connection.stream(query)
        ]
        tree = await connection.execute(select(_categories.slug, _categories.parent))
        numbers = {each.id: number for number, each in enumerate(goods)}
        log = await _log(connection, numbers, most)
        parents = {slug: parent for slug, parent in tree}  # noqa: C416 - rows, which dict() takes too, but mypy not
        return Material(log, goods, parents, utc_now().timestamp())


async def _log(connection: AsyncConnection, numbers: Mapping[UUID, int], most: int) -> Log:
    columns: list[Any] = [_interactions[name] for name in ("actor", "product_id", "kind", "occasion", "at")]
    actors: dict[str, int] = {}
    occasions: dict[str, int] = {}
    found = tuple(array("q") for _ in range(4))
    at = array("d")
    query = select(*columns).order_by(columns[-1].desc()).limit(most)
    async for who, what, kind, when, moment in await connection.stream(query):
        if what not in numbers:
            continue  # catalog has not told of it
        row = (
            actors.setdefault(who, len(actors)),
            numbers[what],
            KINDS[kind],
            occasions.setdefault(when, len(occasions)),
        )
        for column, value in zip(found, row, strict=True):
            column.append(value)
        at.append(moment.timestamp())
    actor, product, kinds, occasion = (_ints(column) for column in found)
    return Log(actor, product, kinds, occasion, np.frombuffer(at) if at else np.zeros(0))


def _ints(values: "array[int]") -> Ints:
    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)
