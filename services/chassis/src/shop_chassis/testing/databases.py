"""Databases that have their schema already: migrations run once on each kind, every test has a copy."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from uuid import uuid4

from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.store import opened
from shop_chassis.testing.servers import PostgresServer


class Migrated:
    """Copies of migrated databases, for one test run."""

    def __init__(self, folder: Path, postgres: Callable[[], PostgresServer]) -> None:
        """`postgres` gives the server when it is needed first."""
        self._folder = folder
        self._postgres = postgres
        self._templates: dict[tuple[str, str], str] = {}

    def __call__(self, service: Service, kind: Literal["sqlite", "postgres"], folder: Path) -> str:
        """URL of a new database of that kind; a file of SQLite is made in `folder`."""
        if (service.name, kind) not in self._templates:
            url = f"sqlite:///{self._folder}/{service.name}.db"
            if kind == "postgres":
                url = self._postgres().new_database()
            asyncio.run(_migrate(service, url))
            self._templates[service.name, kind] = url
        template = self._templates[service.name, kind]
        if kind == "sqlite":
            file = folder / f"{service.name}.db"
            shutil.copy(template.removeprefix("sqlite:///"), file)
            return f"sqlite:///{file}"
        server, copy = self._postgres(), f"copy_{uuid4().hex}"
        server.execute(f"CREATE DATABASE {copy} TEMPLATE {template.rpartition('/')[2]}")
        return server.url(copy)


async def _migrate(service: Service, url: str) -> None:
    assert service.migrations is not None, f"{service.name} has no migrations"
    async with opened(Settings(database_url=url), service.name) as store:
        await service.migrations.upgrade(store, wait=10)
        assert await service.migrations.differences(store) == [], "migrations do not end at the code's tables"
