"""Which attributes people have a taste in, and how quickly one knows it: fitted by how well it foretells.

`taste` says how a shopper's taste is estimated. Its one number per attribute, the strength of the assumption
that there is no taste, is the one of a few that makes the attributes of products that were looked at most
likely, given those before. An attribute that foretells nothing is left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shop_recommendation.taste import PRICE
from shop_recommendation.training.log import Floats, Goods, Ints, Log

STRENGTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
LEAST_GAIN = 0.002
"""In nats per product, over no taste at all."""
ATTRIBUTES = 8
"""The most common ones are tried."""
SAMPLE = 6000
PAST = 40
"""Products before, at most."""
BANDS = 5
"""Of prices within a category."""


@dataclass(frozen=True)
class Traits:
    """What products are like: for each attribute a code of each product, 0 for none.

    No two attributes share a code.
    """

    names: list[str]
    codes: list[Ints]


def traits(goods: Sequence[Goods]) -> Traits:
    """The most common attributes, then by name, and the place of a price within its category."""
    count = Counter(name for product in goods for name, _ in product.features.attributes)
    common = sorted(count, key=lambda name: (-count[name], name))[:ATTRIBUTES]
    names = [name for name in common if count[name] > 1]
    known: dict[tuple[str, str], int] = {}
    codes = []
    for name in names:
        values = (dict(product.features.attributes).get(name) for product in goods)
        codes.append(
            np.array([known.setdefault((name, v), len(known) + 1) if v else 0 for v in values], np.int64)
        )
    bands = _bands(goods)
    codes.append(np.where(bands >= 0, len(known) + 1 + bands, 0))
    return Traits([*names, PRICE], codes)


def _bands(goods: Sequence[Goods]) -> Ints:
    by_category: dict[tuple[str, str], list[int]] = {}
    for number, product in enumerate(goods):
        by_category.setdefault((product.features.category, product.features.currency), []).append(number)
    found = np.full(len(goods), -1)
    for numbers in by_category.values():
        if len(numbers) >= BANDS:
            order = np.argsort([goods[number].features.amount for number in numbers], kind="stable")
            found[np.array(numbers)[order]] = np.arange(len(numbers)) * BANDS // len(numbers)
    return found


def strengths(log: Log, category: Ints, found: Traits, weight: Floats) -> dict[str, float]:
    """Of the attributes in which people have a taste; `weight` is what a product counts in its category."""
    step, past = _steps(log)
    chosen: dict[str, float] = {}
    for name, codes in zip(found.names, found.codes, strict=True):
        gains = {strength: _gain(step, past, category, codes, weight, strength) for strength in STRENGTHS}
        best = max(gains, key=lambda strength: gains[strength])
        if gains[best] > LEAST_GAIN:
            chosen[name] = best
    return chosen


def _steps(log: Log) -> tuple[Ints, list[Ints]]:
    """Some products that were looked at, and for each what the same shopper had looked at before."""
    log = log.where(np.lexsort((log.at, log.actor)))
    width = int(log.product.max(initial=0)) + 1
    _, first = np.unique(log.actor * width + log.product, return_index=True)
    log = log.where(np.sort(first))
    begin = np.searchsorted(log.actor, log.actor)  # where the shopper's products begin
    later = np.flatnonzero(np.arange(len(log)) > begin)
    if len(later) > SAMPLE:
        later = later[np.linspace(0, len(later) - 1, SAMPLE).astype(np.int64)]
    past = [log.product[max(begin[place], place - PAST) : place] for place in later.tolist()]
    return log.product[later], past


def _gain(
    step: Ints, past: list[Ints], category: Ints, codes: Ints, weight: Floats, strength: float
) -> float:
    """How much likelier each product's value is for its shopper than for anybody: nats, on average."""
    if not len(step):
        return 0.0
    low = int(codes[codes > 0].min(initial=1))
    local = np.where(codes > 0, codes - low + 1, 0)
    values, categories = int(local.max(initial=0)) + 1, int(category.max(initial=0)) + 1
    share = np.zeros((categories, values))
    np.add.at(share, (category, local), weight)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
    row = np.repeat(np.arange(len(step)), [len(each) for each in past])
    before = np.concatenate(past)
    seen, visited = np.zeros((len(step), values)), np.zeros((len(step), categories))
    np.add.at(seen, (row, local[before]), 1)
    np.add.at(visited, (row, category[before]), 1)
    ratio = (seen + strength) / (visited @ share + strength)
    ratio[:, 0] = 1
    here = share[category[step]]
    usual = (here * ratio).sum(axis=1)
    own = ratio[np.arange(len(step)), local[step]]
    told = local[step] > 0
    return float(np.log(own[told] / usual[told]).mean()) if told.any() else 0.0
