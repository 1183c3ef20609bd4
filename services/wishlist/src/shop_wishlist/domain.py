"""When a watcher is told of a price: pure functions; amounts in the currency's minor unit.

A watch has a ceiling: the highest price that would be told now. It is within the limit that the watcher has
set, and below every price that the watcher knows: that at the time of watching, and those told since.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody wants to be told; without either any fall below the price at the time of watching."""

    below: int | None = None
    """At this price or below it."""
    percent: int | None = None
    """So much less than the price at the time of watching, or even less."""

    def limit(self, reference: int) -> int:
        """The highest price that is worth telling, `reference` being the price at the time of watching."""
        limits = [] if self.below is None else [self.below]
        if self.percent is not None:
            limits.append(reference * (100 - self.percent) // 100)
        return max(limits) if limits else max(reference - 1, 0)

    def first_ceiling(self, reference: int) -> int:
        """Of a watch that begins."""
        return min(self.limit(reference), reference - 1)


def next_ceiling(told: int) -> int:
    """Of a watch whose watcher was just told: within the limit too, as what was told is."""
    return told - 1
