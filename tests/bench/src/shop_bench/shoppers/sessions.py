"""All that happened in a world's days, and what an oracle would have said before each of the last ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shop_bench.shoppers.walk import Display, Walk
from shop_bench.shoppers.world import Ints, World

LOOKED, CARTED, BOUGHT = "looked", "carted", "bought"
LONGEST = 20


@dataclass(frozen=True, slots=True)
class Happening:
    """Somebody did something with a product."""

    person: int
    product: int
    what: str
    at: float
    """Seconds since the first day."""
    session: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is next? Asked within a session, of which the first `place` happenings are known."""

    session: int
    happenings: int
    """Of the session, so many are known."""
    answer: int
    oracle: tuple[int, ...]
    """The ten likeliest, by the chances that the answer was drawn from."""


@dataclass(frozen=True)
class Story:
    """A world and all that happened."""

    world: World
    happenings: list[Happening]
    """By time, sessions of different people one after the other."""
    questions: list[Question]
    """Of the sessions since `asked_from`."""
    asked_from: float
    """Seconds since the first day."""


def tell(world: World, seed: int, asked_days: int) -> Story:
    """Lets people shop; questions are of the last `asked_days`. The same for the same seed."""
    chance = np.random.default_rng([seed, 1])
    happenings: list[Happening] = []
    questions: list[Question] = []
    first_asked = world.scale.days - asked_days
    displays = [Display.of(world, day) for day in range(world.scale.days)]
    visits = sorted(_visits(world, chance))
    for session, (begin, person) in enumerate(visits):
        asked = begin // 86400 >= first_asked
        _shop(
            world,
            displays[int(begin // 86400)],
            person,
            begin,
            session,
            chance,
            happenings,
            questions if asked else None,
        )
    return Story(world, happenings, questions, first_asked * 86400.0)


def _visits(world: World, chance: np.random.Generator) -> Iterator[tuple[float, int]]:
    scale = world.scale
    each = scale.sessions_each * world.activity / world.activity.mean()
    left = (scale.days - world.arrival) / scale.days
    counts: Ints = chance.poisson(each * left)
    for person, count in enumerate(counts.tolist()):
        for moment in chance.uniform(world.arrival[person], scale.days, count):
            yield float(moment) * 86400, person


def _shop(
    world: World,
    display: Display,
    person: int,
    begin: float,
    session: int,
    chance: np.random.Generator,
    happenings: list[Happening],
    questions: list[Question] | None,
) -> None:
    day = int(begin // 86400)
    intents = world.odds_of_shelves(person, day)
    likes = np.exp(1.5 * world.likes[person])
    mood = int(chance.choice(world.scale.styles, p=likes / likes.sum()))
    walk = Walk(world, display, person, day, int(chance.choice(len(intents), p=intents)), mood)
    at, done, cart = begin, 0, list[int]()
    seen: list[int] = []

    def happen(product: int, what: str) -> None:
        nonlocal done
        happenings.append(Happening(person, product, what, at, session))
        done += 1

    for _ in range(min(1 + int(chance.geometric(0.2)), LONGEST)):
        chances = walk.chances(seen)
        product = int(chance.choice(len(chances), p=chances))
        if questions is not None and seen:
            best = tuple(np.argsort(-chances, kind="stable")[:10].tolist())
            questions.append(Question(session, done, product, best))
        happen(product, LOOKED)
        seen.append(product)
        walk.step(product, chance)
        at += float(chance.lognormal(4.0, 0.7))
        if chance.random() < 0.35 / (1 + np.exp(2.5 - walk.wants(product))):
            happen(product, CARTED)
            cart.append(product)
            at += 5
    if cart and chance.random() < 0.5:
        missing = [each for one in cart for each in world.mates.get(one, []) if world.released[each] <= day]
        if missing and chance.random() < 0.4:
            cart.append(missing[int(chance.integers(len(missing)))])
        for product in dict.fromkeys(cart):
            happen(product, BOUGHT)
