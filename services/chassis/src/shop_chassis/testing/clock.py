"""Time that passes when a test says so."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Moment = TypeVar("Moment")


@dataclass
class Clock(Generic[Moment]):
    """Stands still until it is set or moved: `clock.now += 30`. Moments are seconds or datetimes."""

    now: Moment

    def __call__(self) -> Moment:
        """As those are told it who ask for the time."""
        return self.now
