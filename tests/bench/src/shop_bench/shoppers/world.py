"""The world before anybody shops: products, people, and how much the one want the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """How much of everything, and how people are."""

    products: int = 1000
    people: int = 4000
    days: int = 60
    departments: int = 5
    shelves: int = 4
    """In each department; a shelf is a leaf of the tree of categories."""
    styles: int = 8
    brands: int = 40
    bundles: int = 160
    sessions_each: float = 6.0
    """Of a person over all days, on average; a few do much more."""
    late: float = 0.15
    """Share of the products that come while the shop is open."""


@dataclass(frozen=True)
class World:
    """What there is. Arrays are by product or by person."""

    scale: Scale
    shelf: Ints
    style: Ints
    brand: Ints
    colour: Ints
    price: Floats
    appeal: Floats
    released: Floats
    """Day."""
    said_style: Ints
    """As the shop describes it, which is wrong now and then."""
    mates: dict[int, list[int]]
    """Of a product those that belong to it: a camera and its bag."""
    likes: Floats
    """person × style"""
    loyalty: Floats
    """person × brand"""
    purse: Floats
    """What a person likes to spend against what things cost, as a logarithm."""
    tight: Floats
    """How much that matters to the person."""
    interest: Floats
    """person × shelf, logarithms of odds"""
    activity: Floats
    arrival: Floats
    """Day of the first visit, at the earliest."""
    season: Floats
    """day × shelf, logarithms of odds"""
    display: Floats
    """week × product: what the shop puts forward, whatever people want."""

    def wants(self, person: int) -> Floats:
        """How much a person wants each product, as logarithms of odds."""
        fit = 1.4 * self.likes[person][self.style] + self.loyalty[person][self.brand]
        dear = self.tight[person] * np.abs(self.price - self.purse[person])
        wanted: Floats = fit - dear + self.appeal
        return wanted

    def odds_of_shelves(self, person: int, day: int) -> Floats:
        """The chance of each shelf to be what a person is after on a day."""
        return softmax(self.interest[person] + self.season[day])


def softmax(values: Floats) -> Floats:
    """Chances from logarithms of odds."""
    odds = np.exp(values - values.max())
    chances: Floats = odds / odds.sum()
    return chances


def make(scale: Scale, seed: int) -> World:
    """The same for the same seed."""
    chance = np.random.default_rng(seed)
    count, people, shelves = scale.products, scale.people, scale.departments * scale.shelves
    sizes = chance.dirichlet(np.full(shelves, 6.0))
    shelf = np.sort(chance.choice(shelves, count, p=sizes))
    style = chance.integers(scale.styles, size=count)
    brand_of_shelf = chance.integers(scale.brands, size=(shelves, 6))
    said = np.where(chance.random(count) < 0.75, style, chance.integers(scale.styles, size=count))
    week_count = scale.days // 7 + 1
    department = np.arange(shelves) // scale.shelves
    phases = chance.random(scale.departments) * 2 * np.pi
    turn = 2 * np.pi * np.arange(scale.days)[:, None] / 45
    return World(
        scale=scale,
        shelf=shelf,
        style=style,
        brand=brand_of_shelf[shelf, chance.integers(6, size=count)],
        colour=chance.integers(10, size=count),
        price=chance.normal(0, 0.6, count),
        appeal=chance.normal(0, 0.7, count),
        released=np.where(
            chance.random(count) < scale.late, chance.uniform(5, scale.days, count), np.zeros(count)
        ),
        said_style=said,
        mates=_bundles(scale, shelf, chance),
        likes=chance.normal(0, 1, (people, scale.styles)),
        loyalty=chance.standard_exponential((people, scale.brands))
        * (chance.random((people, scale.brands)) < 0.08),
        purse=chance.normal(0, 0.5, people),
        tight=chance.uniform(0.2, 1.5, people),
        interest=chance.normal(0, 1.3, (people, shelves)),
        activity=chance.lognormal(0, 0.8, people),
        arrival=chance.uniform(0, 1, people) * chance.choice([0, scale.days], people, p=[0.6, 0.4]),
        season=np.sin(turn + phases)[:, department] * 0.7,
        display=chance.normal(0, 1, (week_count, count)),
    )


def _bundles(scale: Scale, shelf: Ints, chance: np.random.Generator) -> dict[int, list[int]]:
    """Groups of two to four from shelves that go together."""
    mates: dict[int, list[int]] = {}
    shelves = int(shelf.max()) + 1
    goes_with = {each: chance.choice(shelves, 2, replace=False) for each in range(shelves)}
    for _ in range(scale.bundles):
        first = int(chance.integers(scale.products))
        others = np.flatnonzero(np.isin(shelf, goes_with[int(shelf[first])]))
        group = [first, *(int(each) for each in chance.choice(others, int(chance.integers(1, 4))))]
        for one in group:
            mates.setdefault(one, []).extend(
                other for other in group if other != one and other not in mates.get(one, [])
            )
    return mates
