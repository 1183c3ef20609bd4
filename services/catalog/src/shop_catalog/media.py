"""Files that belong to products: kept by what is in them, so one name is one content for ever."""

import asyncio
import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from shop_chassis.store import Store
from sqlalchemy.exc import IntegrityError

from shop_catalog.errors import MediaUnavailable
from shop_catalog.tables import Medium

TYPES = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
"""Media types that are taken, and the endings of their names. SVG is none: it can hold scripts."""
MAX_BYTES = 5 * 2**20
CACHED = "public, max-age=31536000, immutable"
"""Cache-Control of every file: a name is one content for ever."""


class MediaStore(Protocol):
    """Where files are kept. One that cannot be asked right now raises MediaUnavailable."""

    async def put(self, name: str, content: bytes) -> None:
        """Stores it; there may be the same already."""

    async def get(self, name: str) -> bytes | None:
        """The content, or None."""


class Folder:
    """A folder, for a catalog of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def put(self, name: str, content: bytes) -> None:
        """Whole or not at all: readers see no half of it."""
        await asyncio.to_thread(self._write, name, content)

    async def get(self, name: str) -> bytes | None:
        """None also for names that this module does not give."""
        return await asyncio.to_thread(self._read, name)

    def _write(self, name: str, content: bytes) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        part = self._path / f".{uuid4().hex}"
        part.write_bytes(content)
        os.replace(part, self._path / name)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None


class Rows:
    """The database, for a catalog of several replicas: small pictures of some thousand products."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, name: str, content: bytes) -> None:
        """Whoever comes second finds it there."""
        with suppress(IntegrityError):
            async with self._store.transaction() as session:
                session.add(Medium(name=name, content=content))

    async def get(self, name: str) -> bytes | None:
        """The content, or None."""
        async with self._store.session() as session:
            found = await session.get(Medium, name)
        return found.content if found else None


class Moved:
    """A new place; what was put into the one before it is still found there."""

    def __init__(self, to: MediaStore, before: MediaStore) -> None:
        self._to = to
        self._before = before

    async def put(self, name: str, content: bytes) -> None:
        """Into the new one alone."""
        await self._to.put(name, content)

    async def get(self, name: str) -> bytes | None:
        """The content, or None where neither has it. The old place answers also while the new one is away."""
        try:
            found = await self._to.get(name)
        except MediaUnavailable:
            found = await self._before.get(name)
            if found is None:
                raise
            return found
        return await self._before.get(name) if found is None else found


def type_of(name: str) -> str | None:
    """The media type that its ending stands for; None where it is none of ours."""
    ending = name.rpartition(".")[2]
    return next((each for each, its in TYPES.items() if its == ending), None)


def name_of(content: bytes, media_type: str) -> str:
    """Digest and ending. Raises KeyError for a type that is not taken."""
    return f"{blake2b(content, digest_size=16).hexdigest()}.{TYPES[media_type]}"
