"""Where the shop runs while it is tried: everything that can be killed there, by name."""

from dataclasses import dataclass
from typing import Literal, Protocol

from shop.local.addresses import Addresses

Kind = Literal["service", "gateway", "broker", "cache", "database", "operator"]


@dataclass(frozen=True, order=True)
class Target:
    """Something that can be killed."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return self.name if self.name == self.kind else f"{self.kind} {self.name}"


class Stage(Protocol):
    """A shop that runs, and falls."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What `kill` takes."""

    async def start(self) -> Addresses:
        """Starts everything; returns where it is once all of it is ready."""

    async def kill(self, what: Target, down: float) -> None:
        """Ends it without a warning; returns when it runs again, which is tried after `down` seconds where
        that is not somebody else's affair."""

    async def stop(self) -> None:
        """Ends everything."""
