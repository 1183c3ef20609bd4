"""Reads what a model is made of."""

from array import array
from typing import Any
from uuid import UUID

import numpy as np
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import select

from shop_recommendation.ranking import Kind
from shop_recommendation.shelf import features
from shop_recommendation.tables import Category, Interaction, Product
from shop_recommendation.training.log import CART, ORDER, VIEW, Goods, Ints, Log, Material

KINDS: dict[Kind, int] = {"view": VIEW, "cart": CART, "order": ORDER}


async def read(store: Store, *, most: int) -> Material:
    """The newest interactions, all products, oldest first, and the tree."""
    known_at: Any = Product.known_at
    async with store.session() as session:
        products = await session.stream_scalars(select(Product).order_by(known_at, Product.id))  # type: ignore[arg-type]
        goods = [Goods(row.id, features(row), row.active) async for row in products]
        tree = {row.slug: row.parent for row in (await session.execute(select(Category))).scalars()}
    log = await _log(store, {each.id: number for number, each in enumerate(goods)}, most)
    return Material(log, goods, tree, utc_now().timestamp())


async def _log(store: Store, numbers: dict[UUID, int], most: int) -> Log:
    columns: list[Any] = [
        Interaction.actor,
        Interaction.product_id,
        Interaction.kind,
        Interaction.occasion,
        Interaction.at,
    ]
    actors: dict[str, int] = {}
    occasions: dict[str, int] = {}
    found = tuple(array("q") for _ in range(4))
    at = array("d")
    query = select(*columns).order_by(columns[-1].desc()).limit(most)
    async with store.session() as session:
        async for who, what, kind_of, when, moment in await session.stream(query):
            if what not in numbers:
                continue  # catalog has not told of it
            row = (
                actors.setdefault(who, len(actors)),
                numbers[what],
                KINDS[kind_of],
                occasions.setdefault(when, len(occasions)),
            )
            for column, value in zip(found, row, strict=True):
                column.append(value)
            at.append(moment.timestamp())
    actor, product, kind, occasion = (_ints(column) for column in found)
    return Log(actor, product, kind, occasion, np.frombuffer(at) if at else np.zeros(0))


def _ints(values: "array[int]") -> Ints:
    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)
