"""From what shoppers did to a model."""

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shop_recommendation.artefact import ModelContent, Ranked
from shop_recommendation.content import likeness
from shop_recommendation.training.counting import Pair, best, popularity, together
from shop_recommendation.training.linear import Weights, fit, most_products
from shop_recommendation.training.log import Floats, Goods, Ints, Log, Material, Matrix
from shop_recommendation.training.tasting import strengths, traits

FOLLOWING, SIMILAR, TOGETHER, POPULAR = 100, 24, 24, 100
"""Entries of a row, at most."""
KNOWN = 3
"""A product that fewer shoppers had to do with is known by its content alone."""
KIN = 200
"""Products of its category that a product is compared with, the most popular."""
NEWCOMERS = 2000
"""Products without a past that are suggested all the same, the newest."""
MODELS_FOR_NEW = 10
"""Known products that one without a past is taken to be like."""
LOOKED_AT = 0.3
"""Popularity that every product has."""
OWN = 0.1
"""What these count among what follows it."""


@dataclass(frozen=True)
class Plan:
    """How a model is made."""

    weights: Weights = field(default_factory=Weights)
    memory: int = 256 * 2**20
    """Bytes that matrices may take: decides how many products the linear model knows."""
    popular: float = 0.15
    """By which power of its popularity a product is preferred."""
    new: float = 0.6
    """What a product without a past gets of what those get that it is like."""


def build(material: Material, plan: Plan = Plan()) -> ModelContent:
    """The model. Products that are not sold any more still say something, but are not suggested."""
    material = _bounded(material, most_products(plan.memory))
    log, goods, count = material.log, material.goods, len(material.goods)
    popular = popularity(log, count, material.now)
    known = _known(log, count)
    place = _places(known, count)
    b, cosine = fit(_renumbered_log(log, place), len(known), material.now, plan.weights)
    b *= _liked(popular[known], plan.popular)
    kin = _kin(goods, popular)
    models = _models(goods, kin, place)
    following = _following(b, known, models, count, plan.new)
    similar = _similar(cosine, known, place, goods, kin)
    sold = [product.active for product in goods]
    tree = _tree(material)
    category_of = np.array([tree[product.features.category][0] for product in goods], dtype=np.int64)
    found = traits(goods)
    strength = strengths(log, category_of, found, popular + LOOKED_AT)
    codes = [each for name, each in zip(found.names, found.codes, strict=True) if name in strength]
    return ModelContent(
        products=[product.id for product in goods],
        category_of=array("I", category_of.tolist()),
        categories=list(tree),
        parents=[above for _, above in tree.values()],
        strengths=list(strength.values()),
        traits=array("I", np.stack(codes, axis=1).ravel().tolist() if codes else ()),
        following=_ranked(following, FOLLOWING, sold),
        similar=_ranked(similar, SIMILAR, sold),
        together=_ranked(together(log, count), TOGETHER, sold),
        popular=_ranked(_popular(popular, goods, tree), POPULAR, sold),
    )


def _known(log: Log, products: int) -> Ints:
    """Products with a past, those with most of it first."""
    width = int(log.actor.max(initial=0)) + 1
    shoppers = np.bincount(np.unique(log.product * width + log.actor) // width, minlength=products)
    order = np.argsort(-shoppers, kind="stable")
    return order[shoppers[order] >= KNOWN]


def _bounded(material: Material, most: int) -> Material:
    """The products with most of a past, and the newest of those without one that are sold."""
    count = len(material.goods)
    known = _known(material.log, count)
    without = sorted(set(range(count)) - set(known.tolist()))
    new = [number for number in without if material.goods[number].active][-NEWCOMERS:]
    kept = np.sort(np.concatenate((known[:most], np.array(new, dtype=np.int64))))
    log = _renumbered_log(material.log, _places(kept, count))
    return Material(log, [material.goods[number] for number in kept.tolist()], material.parents, material.now)


def _places(chosen: Ints, count: int) -> Ints:
    """Of each number its place among the chosen, or -1."""
    place = np.full(count, -1)
    place[chosen] = np.arange(len(chosen))
    return place


def _renumbered_log(log: Log, place: Ints) -> Log:
    """Without what has no place."""
    inside = log.where(place[log.product] >= 0)
    return replace(inside, product=place[inside.product])


def _liked(popular: Floats, power: float) -> Floats:
    """Around 1."""
    liked: Floats = (popular + LOOKED_AT) ** power
    return liked / liked.mean() if len(liked) else liked


def _kin(goods: Sequence[Goods], popular: Floats) -> Mapping[str, Sequence[int]]:
    """Of each category the products that others are compared with."""
    found: dict[str, list[int]] = defaultdict(list)
    for number in np.argsort(-popular, kind="stable").tolist():
        found[goods[number].features.category].append(number)
    return found


def _models(goods: Sequence[Goods], kin: Mapping[str, Sequence[int]], place: Ints) -> dict[int, list[Pair]]:
    """For each product without a past: known ones that it is like, with shares that come to 1."""
    found: dict[int, list[Pair]] = {}
    for number, product in enumerate(goods):
        if place[number] >= 0:
            continue
        others = [each for each in kin[product.features.category] if place[each] >= 0][:KIN]
        alike = sorted((likeness(product.features, goods[each].features), each) for each in others)
        nearest = alike[-MODELS_FOR_NEW:]
        # The square tells those that are alike in everything from those of the same category.
        total = sum(score**2 for score, _ in nearest)
        found[number] = [(int(place[each]), score**2 / total) for score, each in nearest]
    return found


def _following(
    b: Matrix, known: Ints, models: Mapping[int, list[Pair]], count: int, new: float
) -> list[Sequence[Pair]]:
    """Rows of B; a product without a past has the rows, and a part of the columns, of those it is like."""
    every = np.concatenate((known, np.array(list(models), dtype=np.int64)))
    mix = np.zeros((len(known), len(models)), np.float32)
    for column, shares in enumerate(models.values()):
        for place, share in shares:
            mix[place, column] = share
    columns = new * (b @ mix)
    found: list[Sequence[Pair]] = [[] for _ in range(count)]
    for place, number in enumerate(known.tolist()):
        found[number] = _best(np.concatenate((b[place], columns[place])), every)
    for column, number in enumerate(models):
        row = np.concatenate((mix[:, column] @ b, mix[:, column] @ columns))
        # What it is like is also what shoppers may turn to; it is not what follows itself.
        row[: len(known)] += OWN * mix[:, column]
        row[len(known) + column] = 0
        found[number] = _best(row, every)
    return found


def _best(row: Matrix, numbers: Ints) -> list[Pair]:
    return [(int(numbers[item]), weight) for item, weight in best(row.astype(np.float64), FOLLOWING)]


def _similar(
    cosine: Matrix, known: Ints, place: Ints, goods: Sequence[Goods], kin: Mapping[str, Sequence[int]]
) -> list[list[Pair]]:
    """Half content, half the cosine of sessions: what is in other categories is rarely a substitute."""
    found: list[list[Pair]] = []
    for number, product in enumerate(goods):
        scores = {
            each: 0.5 * likeness(product.features, goods[each].features)
            for each in kin[product.features.category][:KIN]
        }
        if (row := int(place[number])) >= 0:
            for other, weight in best(cosine[row].astype(np.float64), KIN):
                each = int(known[other])
                if each not in scores:
                    scores[each] = 0.5 * likeness(product.features, goods[each].features)
                scores[each] += 0.5 * weight
        scores.pop(number, None)
        found.append(sorted(scores.items(), key=lambda pair: -pair[1])[: 2 * SIMILAR])
    return found


def _tree(material: Material) -> dict[str, tuple[int, int]]:
    """Every category with its number and its parent's, parents first; those not in the tree are roots."""
    found: dict[str, tuple[int, int]] = {}

    def add(slug: str, coming: frozenset[str]) -> int:
        if slug not in found:
            parent = material.parents.get(slug)
            above = -1 if parent is None or parent in coming else add(parent, coming | {slug})
            found[slug] = (len(found), above)
        return found[slug][0]

    for slug in [*material.parents, *(product.features.category for product in material.goods)]:
        add(slug, frozenset({slug}))
    return found


def _popular(
    popular: Floats, goods: Sequence[Goods], tree: Mapping[str, tuple[int, int]]
) -> list[list[Pair]]:
    rows: list[list[Pair]] = [[] for _ in tree]
    for number, product in enumerate(goods):
        if popular[number] > 0:
            rows[tree[product.features.category][0]].append((number, float(popular[number])))
    return rows


def _ranked(rows: Sequence[Sequence[Pair]], most: int, sold: Sequence[bool]) -> Ranked:
    return Ranked.of(
        sorted((pair for pair in row if sold[pair[0]] and pair[1] > 1e-6), key=lambda pair: -pair[1])[:most]
        for row in rows
    )
