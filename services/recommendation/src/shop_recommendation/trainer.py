"""Trains in a child process: what training imports and allocates is gone when it ends."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Any

import structlog
from shop_chassis.runtime import Runtime
from shop_chassis.store import DATABASE_ERRORS
from sqlalchemy import func, select

from shop_recommendation.models import Models
from shop_recommendation.serving import Serving
from shop_recommendation.settings import RecommendationSettings
from shop_recommendation.tables import Interaction, Product

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 1800.0


class Trainer:
    """A component: at most one child at a time."""

    def __init__(self, runtime: Runtime[Any], models: Models, serving: Serving) -> None:
        self._settings: RecommendationSettings = runtime.settings
        self._store = runtime.store
        self._models = models
        self._serving = serving
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether a child of this process trains."""
        return self._task is not None and not self._task.done()

    def begin(self) -> bool:
        """Begins unless one runs; whether it did."""
        if self.running:
            return False
        self._task = asyncio.create_task(self.train(), name="training")
        return True

    async def train(self) -> None:
        """Has a child train, and takes up what it made; its failure is logged."""
        environment = os.environ | {
            "DATABASE_URL": self._settings.database_url or "",
            "TRAIN_MEMORY_MIB": str(self._settings.train_here_memory_mib),
            "TRAIN_INTERACTIONS": str(self._settings.train_interactions),
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shop_recommendation",
            "train",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                said, _ = await child.communicate()
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        if child.returncode:
            log.error("training failed", code=child.returncode, said=lines[-5:])
            return
        log.info("trained", said=lines[-1:])
        try:
            await self._serving.load()
        except DATABASE_ERRORS:
            log.exception("the new model cannot be read yet")

    async def train_if_news(self) -> None:
        """For a schedule: only if something was told since the newest model."""
        newest = next(iter(await self._models.all()), None)
        if newest is not None:
            at: Any = Interaction.at
            known_at: Any = Product.known_at
            async with self._store.session() as session:
                last = [
                    (await session.execute(select(func.max(column)))).scalar_one()
                    for column in (at, known_at)
                ]
            if not any(moment is not None and moment > newest.trained_at for moment in last):
                return
        if not self.running:
            await self.train()

    async def start(self) -> None:
        """Nothing runs until it is asked for."""

    async def stop(self) -> None:
        """Ends a child."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
