"""Somebody walks through the shop: which product is looked at next, drawn and, for the oracle, as chances."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shop_bench.shoppers.world import Floats, World

NOISE = 0.06
"""Chance of a click that means nothing."""
TURN = 0.12
"""Chance to go on with something else that the person is interested in."""
BELONGS = 0.18
"""Chance to look for what belongs to the product just seen, where there is such a thing."""
EYE = 0.7
"""How quickly attention falls along a list: a place counts 1 / place^EYE."""
MOOD = 1.2
"""How much a person keeps to the style of today."""


@dataclass(frozen=True)
class Display:
    """The shop on one day: what is there, and how much each place on its shelf is looked at."""

    there: NDArray[np.bool_]
    eye: Floats

    @classmethod
    def of(cls, world: World, day: int) -> "Display":
        """Each shelf is one list, in an order of the shop's."""
        there = world.released <= day
        shown = world.display[day // 7] + world.appeal
        eye = np.zeros(len(shown))
        for shelf in range(int(world.shelf.max()) + 1):
            here = np.flatnonzero((world.shelf == shelf) & there)
            listed = here[np.argsort(-shown[here])]
            eye[listed] = 1 / np.arange(1, len(listed) + 1) ** EYE
        return cls(there, eye)


@dataclass
class Walk:
    """What is in somebody's head at one moment of a session."""

    world: World
    display: Display
    person: int
    day: int
    shelf: int
    mood: int
    """The style that it is to be today."""
    last: int | None = None

    def __post_init__(self) -> None:
        self._wanted = self.world.wants(self.person) + MOOD * (self.world.style == self.mood)
        self._pull = np.exp(self._wanted - self._wanted.max()) * self.display.eye
        self._turn = TURN * self.world.odds_of_shelves(self.person, self.day)

    def wants(self, product: int) -> float:
        """As logarithm of odds."""
        return float(self._wanted[product])

    def chances(self, seen: Collection[int]) -> Floats:
        """Of each product to be the next one looked at: what an oracle knows before it happens."""
        world = self.world
        new = self.display.there.copy()
        new[list(seen)] = False
        pull = self._pull * new
        by_shelf = np.bincount(world.shelf, pull, minlength=len(self._turn))
        to_shelf = self._turn.copy()
        to_shelf[self.shelf] += 1 - TURN
        to_shelf[by_shelf == 0] = 0
        scale = np.divide(to_shelf, by_shelf, out=np.zeros_like(to_shelf), where=by_shelf > 0)
        browsing = pull * scale[world.shelf]
        browsing /= browsing.sum()
        mates = [each for each in world.mates.get(-1 if self.last is None else self.last, []) if new[each]]
        if mates:
            browsing *= 1 - BELONGS
            browsing[mates] += BELONGS / len(mates)
        meant: Floats = (1 - NOISE) * browsing + NOISE * new / new.sum()
        return meant

    def step(self, product: int, chance: np.random.Generator) -> None:
        """The person has come to a product, and may be after something else from now on."""
        self.last = product
        if self.world.shelf[product] != self.shelf and chance.random() < 0.8:
            self.shelf = int(self.world.shelf[product])
