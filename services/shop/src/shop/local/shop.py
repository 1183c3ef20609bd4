"""Runs all services in one process, each as in a pod: its own settings, database, port, metrics."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import structlog
from fastapi import FastAPI
from pydantic import ValidationError
from shop_chassis.events import MemoryBus
from shop_chassis.migrations import MigrationError
from shop_chassis.runtime import Runtime
from shop_chassis.server import serving
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings, SettingsError
from shop_chassis.store import opened
from sqlalchemy import update

from shop.local import StartFailed
from shop.local.members import Member
from shop.local.place import Place

READY_SECONDS = 60.0
MIGRATE_SECONDS = 10.0


@dataclass(frozen=True)
class Loaded:
    """A service and what it is told."""

    service: Service
    settings: Settings


def load(member: Member, place: Place) -> Loaded:
    """Imports a service and makes its settings. Raises StartFailed."""
    try:
        service = member.load()
        return Loaded(service, service.settings(**place.settings(member)))
    except ValidationError as error:
        problems = [f"{'_'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise StartFailed(f"{member.name}: settings: {'; '.join(problems)}") from error
    except Exception as error:
        raise StartFailed(_why(member.name, error)) from error


async def migrate(each: Loaded) -> None:
    """Brings the database to the present schema. Raises StartFailed.

    The bus forgets when the process ends, so what has been published is published again: inboxes know what
    had its effect, and what had not yet gets it now.
    """
    if each.service.migrations is None:
        return
    async with opened(each.settings, each.service.name) as store:
        try:
            await each.service.migrations.upgrade(store, wait=MIGRATE_SECONDS)
        except MigrationError as error:
            raise StartFailed(_why(each.service.name, error)) from error
        outbox = each.service.migrations.metadata.tables.get("outbox")
        if outbox is not None:
            async with store.transaction() as session:
                await session.execute(update(outbox).values(published_at=None))


@asynccontextmanager
async def running(
    all_of_them: Sequence[Loaded], listeners: Mapping[str, socket.socket]
) -> AsyncIterator[None]:
    """All services, answering and ready, for the length of the block. Raises StartFailed."""
    bus, stop = MemoryBus(), asyncio.Event()
    for each in all_of_them:  # a consumer that comes before its publisher would have to try again
        await bus.ensure_stream(each.service.name, max_age=0)
    apps: dict[str, FastAPI] = {}
    tasks: dict[str, asyncio.Task[None]] = {}
    try:
        for each in all_of_them:
            name = each.service.name
            try:
                apps[name] = create_app(each.service, each.settings, bus=bus)
            except Exception as error:
                raise StartFailed(_why(name, error)) from error
            tasks[name] = asyncio.create_task(_serve(each, apps[name], listeners[name], stop), name=name)
        await _ready(apps, tasks)
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _serve(each: Loaded, app: FastAPI, listener: socket.socket, stop: asyncio.Event) -> None:
    structlog.contextvars.bind_contextvars(service=each.service.name)  # of this task and all that it starts
    async with serving(app, each.settings, listener):
        await stop.wait()


async def _ready(apps: Mapping[str, FastAPI], tasks: Mapping[str, asyncio.Task[None]]) -> None:
    deadline = monotonic() + READY_SECONDS
    while True:
        await asyncio.sleep(0.02)
        for name, task in tasks.items():
            if task.done():
                raise StartFailed(_why(name, task.exception() or RuntimeError("has ended")))
        waiting = []
        for name, app in apps.items():
            runtime: Runtime[Settings] = app.state.runtime
            waiting += [f"{name}: {problem}" for problem in await runtime.problems()]
        if not waiting:
            return
        if monotonic() > deadline:
            raise StartFailed(f"not ready within {READY_SECONDS:.0f} s: {'; '.join(waiting)}")


def _why(name: str, error: BaseException) -> str:
    expected = isinstance(error, (MigrationError, SettingsError))
    return f"{name}: {error}" if expected else f"{name}: {type(error).__name__}: {error}"
