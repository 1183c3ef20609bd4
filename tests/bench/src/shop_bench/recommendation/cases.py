"""A made-up story as what a recommender may know, and the questions put to it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shop_bench.shoppers.sessions import Happening, Question, Story

ASKED = 3000
"""Questions of one world, at most."""


@dataclass(frozen=True)
class Case:
    """One question, with what was known then."""

    session: Sequence[Happening]
    """Of this session, so far."""
    before: Sequence[Happening]
    """Of earlier sessions of the same person."""
    answer: int
    oracle: Sequence[int]

    @property
    def seen(self) -> set[int]:
        """What nobody may suggest: it is before the shopper's eyes already."""
        return {each.product for each in self.session}

    @property
    def now(self) -> float:
        """Seconds since the first day."""
        return self.session[-1].at


@dataclass(frozen=True)
class Known:
    """What a recommender is made of: everything before the questions."""

    story: Story
    past: Sequence[Happening]
    goods: Sequence[int]
    """Products that were there."""

    @property
    def now(self) -> float:
        """Seconds since the first day."""
        return self.story.asked_from


class Rival(Protocol):
    """Something that recommends."""

    name: str

    def learn(self, known: Known) -> None:
        """Once, before all questions."""

    def ten(self, case: Case) -> Sequence[int]:
        """The products most likely to be next, best first, without those seen in the session."""


def known(story: Story) -> Known:
    """The past of a story."""
    past = [each for each in story.happenings if each.at < story.asked_from]
    there = story.world.released < story.asked_from / 86400
    return Known(story, past, np.flatnonzero(there).tolist())


def cases(story: Story, seed: int) -> Iterator[Case]:
    """A sample of the questions, in order."""
    chance = np.random.default_rng([seed, 2])
    count = len(story.questions)
    chosen = np.sort(chance.choice(count, min(ASKED, count), replace=False))
    sessions: dict[int, list[Happening]] = defaultdict(list)
    people: dict[int, list[Happening]] = defaultdict(list)
    for each in story.happenings:
        sessions[each.session].append(each)
        people[each.person].append(each)
    for number in chosen.tolist():
        question: Question = story.questions[number]
        session = sessions[question.session]
        # Two visits of one person may overlap; each looks back from where it is.
        before = [each for each in people[session[0].person] if each.session < question.session]
        yield Case(session[: question.happenings], before, question.answer, question.oracle)
