"""The model in the memory of this process: loaded at the start and with each `model.trained`, then swapped.

While a new one is read and checked, in a thread, the old one answers. One that cannot be used is said,
counted and passed over: the next older one that can be is used.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from shop_chassis.events import Bus, Stored
from shop_chassis.runtime import Background
from shop_chassis.store import DATABASE_ERRORS, first_line
from shop_chassis.tables import utc_now
from shop_contracts.recommendation import api, events

from shop_recommendation.artefact import BrokenModel, decode
from shop_recommendation.models import Models
from shop_recommendation.ranking import Model

log = structlog.get_logger(__name__)

TOPIC = f"{events.STREAM}.{events.MODEL_TRAINED}"
PAUSE = 5.0
"""Seconds until a database that is away is asked again."""


@dataclass(frozen=True)
class Loaded:
    """A model in use."""

    model: Model
    about: api.Model


class Serving:
    """Holds the newest model that can be used, and follows the news of others."""

    def __init__(self, models: Models, bus: Bus, metrics: CollectorRegistry) -> None:
        self._models = models
        self._bus = bus
        self.now: Loaded | None = None
        """None before the first one: then what is popular and new is suggested."""
        self.refused: str | None = None
        """Why the newest one is not the one in use."""
        self._tried: set[int] = set()
        self._loading = asyncio.Lock()
        version = Gauge("recommendation_model_version", "In use; 0 before the first.", registry=metrics)
        version.set_function(lambda: self.now.about.version if self.now else 0)
        age = Gauge("recommendation_model_age_seconds", "Since the one in use was trained.", registry=metrics)
        age.set_function(self._age)
        self._refusals = Counter(
            "recommendation_models_refused", "Models that could not be used.", registry=metrics
        )

    def background(self) -> Background:
        """Loads at the start, then with each event, for ever."""
        return Background("models", self._run)

    async def load(self) -> None:
        """Takes up the newest model that can be used, if it is not in use already. Raises DATABASE_ERRORS."""
        async with self._loading:
            for about in await self._models.all():
                if self.now and about.version <= self.now.about.version:
                    return
                if about.version not in self._tried and await self._take_up(about):
                    return

    async def _take_up(self, about: api.Model) -> bool:
        content = await self._models.content(about.version)
        if content is None:
            return False  # a newer one has taken its place meanwhile
        try:
            model = await asyncio.to_thread(_ready, content)
        except BrokenModel as error:
            self._tried.add(about.version)
            self._refusals.inc()
            if self.refused is None or about.version > max(self._tried - {about.version}, default=0):
                self.refused = f"model {about.version}: {error}"
            log.error("model refused", version=about.version, problem=str(error))
            return False
        if about.version > max(self._tried, default=0):
            self.refused = None
        self.now = Loaded(model, about)
        log.info("model in use", version=about.version, products=about.products)
        return True

    async def _run(self) -> None:
        # Listening comes first: a model that is trained while the newest is read is not missed.
        async with aclosing(self._bus.follow(events.STREAM, [TOPIC], since=utc_now())) as news:
            coming = asyncio.create_task(_collect(news, wake := asyncio.Event()))
            try:
                while True:
                    wake.clear()
                    if await self._loaded():
                        await wake.wait()
                    else:
                        await asyncio.sleep(PAUSE)
            finally:
                coming.cancel()
                await asyncio.wait([coming])

    async def _loaded(self) -> bool:
        try:
            await self.load()
        except DATABASE_ERRORS as error:
            log.warning("no model can be read now", error=first_line(error))
            return False
        return True

    def _age(self) -> float:
        return (utc_now() - self.now.about.trained_at).total_seconds() if self.now else 0.0


def _ready(content: bytes) -> Model:
    model = Model(decode(content))
    _ = (
        model.below,
        model.popular,
        model.usual,
        model.strength,
    )  # made here, in a thread, instead of in the first request
    return model


async def _collect(news: AsyncGenerator[Stored, Any], wake: asyncio.Event) -> None:
    async for _ in news:
        wake.set()
