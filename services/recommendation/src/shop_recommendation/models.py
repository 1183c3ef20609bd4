"""Models in the database: every version whole, the newest few kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shop_chassis.events import Outbox
from shop_chassis.store import Store
from shop_contracts.recommendation import api, events
from sqlalchemy import delete, select

from shop_recommendation.tables import TrainedModel

KEPT = 3
"""So that one that is broken leaves another one to fall back to."""


@dataclass(frozen=True)
class Trained:
    """A model before it is stored."""

    content: bytes
    trained_at: datetime
    products: int
    shoppers: int
    interactions: int
    seconds: float = 0.0


class Models:
    """The table of models."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self.outbox = outbox

    async def save(self, trained: Trained) -> api.Model:
        """Stores it as a new version, tells the event, drops the oldest."""
        row = TrainedModel(**vars(trained), size=len(trained.content))
        version: Any = TrainedModel.version
        async with self._store.transaction() as session:
            session.add(row)
            await session.flush()
            assert row.version is not None
            kept = select(version).order_by(version.desc()).limit(KEPT)
            await session.execute(delete(TrainedModel).where(version.not_in(kept)))
            told = events.ModelTrained(version=row.version)
            await self.outbox.add(session, events.MODEL_TRAINED, subject=events.MODEL_SUBJECT, data=told)
        return _shown(row)

    async def all(self) -> list[api.Model]:
        """Newest first, without their content."""
        columns: list[Any] = [
            getattr(TrainedModel, name)
            for name in (
                "version", "trained_at", "products", "shoppers", "interactions", "size", "seconds"
            )
        ]  # fmt: skip
        async with self._store.session() as session:
            rows = await session.execute(select(*columns).order_by(columns[0].desc()))
            return [_shown(row) for row in rows]

    async def content(self, version: int) -> bytes | None:
        """As it was stored; None for one that is not there."""
        query: Any = select(TrainedModel.content).where(TrainedModel.version == version)  # type: ignore[call-overload]
        async with self._store.session() as session:
            found: bytes | None = (await session.execute(query)).scalar_one_or_none()
        return found


def _shown(row: Any) -> api.Model:
    return api.Model(
        version=row.version,
        trained_at=row.trained_at,
        products=row.products,
        shoppers=row.shoppers,
        interactions=row.interactions,
        bytes=row.size,
        seconds=row.seconds,
    )
