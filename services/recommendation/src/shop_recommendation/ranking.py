"""What to suggest, and why: pure functions over a model and what is known of a shopper.

The model is linear: each product that a shopper has to do with adds its row to the scores, so the one that
added most to a suggestion is the reason for it.
"""

import math
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from heapq import nlargest
from typing import Literal
from uuid import UUID

from shop_contracts.recommendation.api import Slot, Why

from shop_recommendation.artefact import ModelContent, Ranked
from shop_recommendation.taste import Shares, Taste, shares

Kind = Literal["view", "cart", "order"]

PAUSE = timedelta(minutes=30)
"""After so long without a sign of the shopper a new session begins."""
KIND_WEIGHT: Mapping[Kind, float] = {"view": 1.0, "cart": 1.0, "order": 1.0}
FADE = 1.5
"""Products of the session after which one counts a third (1/e)."""
BEFORE = 0.02
"""What counts a product of an earlier session, the day after."""
FORGET_DAYS = 30.0
"""After so long that is a third of it."""
TOGETHER = 1.0
"""What being bought with a product counts against following it."""
CANDIDATES = 200
"""Products whose scores are looked at with the shopper's taste."""
EVERY = 0.3
"""Popularity that every product has."""
ALIKE = 0.2
"""What being alike a product counts that the model does not know."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a shopper did with a product."""

    product: UUID
    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """A product that says something about what to suggest."""

    product: UUID
    weight: float
    kind: Kind | Literal["here"]
    """`here`: it is where the suggestions are shown, on its page or in the cart."""
    alike: Sequence[tuple[UUID, float]] = ()
    """Of one that the model does not know: products that are like it, and how much."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product, and the reason."""

    product: UUID
    score: float
    why: Why
    because: UUID | None = None


@dataclass(frozen=True)
class Model:
    """What is in memory while a model is in use."""

    content: ModelContent

    @cached_property
    def below(self) -> Mapping[str, Sequence[int]]:
        """For each category its own number and those of all below it."""
        subtree: list[list[int]] = [[number] for number in range(len(self.content.categories))]
        for number in reversed(range(len(subtree))):  # children come after their parents
            if (above := self.content.parents[number]) >= 0:
                subtree[above] += subtree[number]
        return dict(zip(self.content.categories, subtree, strict=True))

    @cached_property
    def usual(self) -> Shares:
        """How often products of a category have a value, the popular ones counting most."""
        weights = [EVERY] * len(self.content.products)
        for number in range(len(self.content.categories)):
            for item, weight in self.content.popular.row(number):
                weights[item] += weight
        codes = [self.codes(item) for item in range(len(weights))]
        return shares(self.content.category_of, codes, weights, len(self.content.categories))

    @cached_property
    def strength(self) -> Mapping[int, float]:
        """Of each value, that of its attribute."""
        width = len(self.content.strengths)
        return {
            code: self.content.strengths[place % width]
            for place, code in enumerate(self.content.traits)
            if code
        }

    def codes(self, item: int) -> Sequence[int]:
        """The values of a product."""
        width = len(self.content.strengths)
        return [code for code in self.content.traits[item * width : (item + 1) * width] if code]

    def taste(self, known: Sequence["Signal"]) -> Taste:
        """Of whoever these signals are of."""
        numbers = [
            self.content.number_of[each.product] for each in known if each.product in self.content.number_of
        ]
        looked_at = ((self.content.category_of[number], self.codes(number)) for number in numbers)
        return Taste(looked_at, self.usual, self.strength)

    @cached_property
    def popular(self) -> Sequence[tuple[UUID, float]]:
        """Over everything."""
        return self._merged(range(len(self.content.categories)), 200)

    def popular_in(self, categories: Iterable[str], most: int) -> Sequence[tuple[UUID, float]]:
        """In some categories and those below them; none for one that the model does not know."""
        wanted = dict.fromkeys(number for slug in categories for number in self.below.get(slug, ()))
        return self._merged(wanted, most)

    def _merged(self, categories: Iterable[int], most: int) -> Sequence[tuple[UUID, float]]:
        entries = (entry for number in categories for entry in self.content.popular.row(number))
        best = nlargest(most, entries, key=lambda entry: (entry[1], -entry[0]))
        return [(self.content.products[item], weight) for item, weight in best]


NOTHING = Model(
    ModelContent(
        (),
        array("I"),
        (),
        (),
        (),
        array("I"),
        *(Ranked(array("I", [0]), array("I"), array("f")) for _ in range(4)),
    )
)
"""Before there is one."""


def signals(history: Sequence[Seen], here: Sequence[UUID], now: datetime) -> list[Signal]:
    """What a shopper's history, newest first, and the place say; each product once, with what counts most."""
    found: dict[UUID, Signal] = {}

    def add(signal: Signal) -> None:
        known = found.get(signal.product)
        if known is None or known.weight < signal.weight:
            found[signal.product] = signal

    for product in here:
        add(Signal(product, 2.0 / math.sqrt(len(here)), "here"))
    session = len(of_session(history, now))
    places: dict[UUID, int] = {}
    for number, seen in enumerate(history):
        if number < session:
            place = places.setdefault(seen.product, len(places))
            weight = math.exp(-place / FADE)
        else:
            days = max((now - seen.at).total_seconds(), 0.0) / 86400
            weight = BEFORE * math.exp(-days / FORGET_DAYS)
        add(Signal(seen.product, weight * KIND_WEIGHT[seen.kind], seen.kind))
    return list(found.values())


def of_session(history: Sequence[Seen], now: datetime) -> Sequence[Seen]:
    """The part of a history, newest first, that belongs to what the shopper is doing now."""
    last = now
    for number, seen in enumerate(history):
        if last - seen.at > PAUSE:
            return history[:number]
        last = seen.at
    return history


def suggest(
    model: Model, known: Sequence[Signal], slot: Slot, leave_out: Collection[UUID], most: int
) -> list[Suggestion]:
    """Best first: what the model says, then what is popular, first in the categories of the signals."""
    content = model.content
    # By number, or by id for what the model does not know.
    scores: dict[int | UUID, float] = {}
    reasons: dict[int | UUID, tuple[float, Signal]] = {}

    def add(item: int | UUID, part: float, signal: Signal) -> None:
        scores[item] = scores.get(item, 0.0) + part
        if item not in reasons or reasons[item][0] < part:
            reasons[item] = part, signal

    for signal in known:
        number = content.number_of.get(signal.product)
        if number is None:
            for product, likeness in signal.alike:
                add(content.number_of.get(product, product), signal.weight * likeness * ALIKE, signal)
            continue
        for item, weight in content.following.row(number):
            add(item, signal.weight * weight, signal)
        if signal.kind == "here":
            for item, weight in content.together.row(number):
                add(item, TOGETHER * signal.weight * weight, signal)
    taste = model.taste(known)
    candidates = nlargest(CANDIDATES + len(leave_out), scores.items(), key=lambda pair: pair[1])
    tasted = [
        (key, score * taste.factor(model.codes(key)) if isinstance(key, int) else score)
        for key, score in candidates
    ]
    found: list[Suggestion] = []
    for key, score in sorted(tasted, key=lambda pair: -pair[1]):
        product = key if isinstance(key, UUID) else content.products[key]
        if product not in leave_out:
            found.append(Suggestion(product, score, *_reason(content, key, reasons[key][1], slot)))
    found = found[:most]
    if len(found) < most:
        found += _popular(model, known, {*leave_out, *(each.product for each in found)}, most - len(found))
    return below_one_another(found)


def below_one_another(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """Scores of several kinds made comparable: each at most that of the one before, and above 0."""
    found: list[Suggestion] = []
    for each in suggestions:
        if found and each.score >= found[-1].score:
            each = replace(each, score=found[-1].score * 0.99)
        found.append(each)
    return found


def _reason(content: ModelContent, item: int | UUID, signal: Signal, slot: Slot) -> tuple[Why, UUID]:
    if signal.kind == "order":
        return "because_bought", signal.product
    if signal.kind == "here":
        number = content.number_of.get(signal.product)
        if number is not None and any(other == item for other, _ in content.together.row(number)):
            return "bought_together", signal.product
        return ("similar" if slot == "product" else "because_viewed"), signal.product
    return "because_viewed", signal.product


def _popular(model: Model, known: Sequence[Signal], but: set[UUID], most: int) -> list[Suggestion]:
    content = model.content
    numbers = [content.number_of[each.product] for each in known if each.product in content.number_of]
    categories = dict.fromkeys(content.categories[content.category_of[number]] for number in numbers)
    of_interest = model.popular_in(categories, most + len(but))
    found: list[Suggestion] = []
    for product, weight in [*of_interest, *model.popular]:
        if product not in but:
            but.add(product)
            found.append(Suggestion(product, weight, "popular"))
    return found[:most]
