"""Key-value storage for carts, sessions and remembered answers: in process, or Redis.

`Cache` is what services see; `memory://` serves one process without a server, `redis://` many replicas.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class CacheUnavailable(Exception):  # noqa: N818 - named for what it says, as the other errors of calls are
    """The store gave no usable answer in time. A write that was under way may or may not have happened."""


class CacheContended(CacheUnavailable):
    """Others kept changing the same keys until the time for this update was over; nothing was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value to store; it vanishes `ttl` seconds after it was written or last touched."""

    value: bytes
    ttl: float


Found = Mapping[str, bytes | None]
"""What the keys hold; None where there is nothing."""

Writes = Mapping[str, Entry | None]
"""What the keys shall hold; None deletes, a key that is left out stays as it is."""


class Cache(Protocol):
    """Values by key, each with a time to live. Every method raises `CacheUnavailable` and never hangs."""

    async def get(self, key: str, *, touch: float | None = None) -> bytes | None:
        """The value, or None. With `touch` its time to live starts again at that many seconds."""

    async def get_many(self, keys: Collection[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""

    async def set_many(self, entries: Mapping[str, Entry]) -> None:
        """Store all entries; not atomic across keys."""

    async def delete(self, *keys: str) -> None:
        """Forget the keys; one that does not exist is no error."""

    async def update(self, keys: Collection[str], change: Callable[[Found], tuple[Writes, T]]) -> T:
        """Read `keys`, let `change` decide, write atomically if none of them changed meanwhile, else again.

        `change` may run several times and must do nothing but compute; it may write only `keys`, and what it
        raises ends the update with nothing written. Returns the second half of its answer. Raises
        `CacheContended` when time is over.
        """

    async def ping(self) -> None:
        """Return when the store answers; for readiness."""

    async def start(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def stop(self) -> None:
        """Close connections."""


def check_writes(keys: Collection[str], writes: Writes) -> None:
    """Raise ValueError when an update would write a key that it has not read."""
    for key in writes:
        if key not in keys:
            raise ValueError(f"update: {key!r} was not among the keys read ({', '.join(keys)})")
