"""`python -m shop_recommendation train`: makes one model of all that is known, stores and announces it.

It runs beside the processes that answer: as a job, or as a child of one. Two at once are one, since a lock
says whose turn it is: PostgreSQL's, which goes with its connection, or that of a file beside SQLite, which
goes with its process.
"""

import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from shop_chassis.events.dialect import dialect_name, lock_key
from shop_chassis.store import Store, opened
from shop_chassis.tables import utc_now
from sqlalchemy import func, select

from shop_recommendation.artefact import encode
from shop_recommendation.models import Models, Trained
from shop_recommendation.settings import RecommendationSettings
from shop_recommendation.tables import outbox

log = structlog.get_logger(__name__)


async def train(settings: RecommendationSettings) -> str:
    """What was done, in a line. Raises DATABASE_ERRORS."""
    async with opened(settings, "recommendation") as store, _turn(store) as mine:
        if not mine:
            return "a model is being trained already: nothing done"
        began = time.monotonic()
        trained = await _trained(store, settings)
        trained = replace(trained, seconds=round(time.monotonic() - began, 2))
        saved = await Models(store, outbox).save(trained)
    return (
        f"model {saved.version}: {saved.products} products, {saved.interactions} interactions of "
        f"{saved.shoppers} shoppers, {saved.bytes} bytes, {saved.seconds} s"
    )


async def _trained(store: Store, settings: RecommendationSettings) -> Trained:
    # One thread each: the machine is shared with those who answer. Read when numpy is imported.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from shop_recommendation.training.build import Plan, build
    from shop_recommendation.training.material import read

    as_of = utc_now()  # what is told from here on is news to the next one
    material = await read(store, most=settings.train_interactions)
    content = build(material, Plan(memory=settings.train_memory_mib * 2**20))
    return Trained(
        encode(content),
        as_of,
        products=len(content.products),
        shoppers=len(set(material.log.actor.tolist())),
        interactions=len(material.log),
    )


@asynccontextmanager
async def _turn(store: Store) -> AsyncIterator[bool]:
    """Whether it is ours, for the length of the block."""
    async with store.engine.connect() as connection:
        if dialect_name(connection) == "postgresql":
            query = select(func.pg_try_advisory_lock(lock_key("training of recommendation")))
            try:
                mine = bool((await connection.execute(query)).scalar_one())
                await connection.commit()  # the lock stays; an open transaction would hold back vacuum
                yield mine
            finally:
                await connection.invalidate()  # the lock goes with it
            return
    database: Any = store.engine.url.database
    with Path(f"{database}.training").open("w") as file:  # noqa: ASYNC230 - empty, for its lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
