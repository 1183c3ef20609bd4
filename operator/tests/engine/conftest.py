"""The engine in a cluster in memory, at work or standing still."""

from collections.abc import AsyncIterator

import pytest

from ..support.memory import MemoryApi
from ..support.world import World, running


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running(MemoryApi()) as found:
        yield found


@pytest.fixture
def still() -> World:
    """A world without watches and workers: the cache knows what was written, passes are made by hand."""
    return World(MemoryApi())
