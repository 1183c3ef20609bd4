"""What needs no model: what is bought together, and what is popular."""

from collections.abc import Sequence

import numpy as np

from shop_recommendation.training.log import CART, ORDER, VIEW, Floats, Log

SHOPPERS = 2
"""So many have to have bought two products together: one person's basket is nobody else's business."""
SHRINK = 3.0
"""Two products that were bought together so often are believed half."""
LARGEST_BASKET = 40
HALF_LIFE_DAYS = 7.0
POPULAR_WEIGHT = {VIEW: 1.0, CART: 3.0, ORDER: 5.0}

Pair = tuple[int, float]


def together(log: Log, products: int) -> list[list[Pair]]:
    """For each product those bought with it: the cosine of their orders, shrunk where there are few."""
    orders = log.where(log.kind == ORDER)
    baskets: dict[int, tuple[int, set[int]]] = {}
    for actor, product, occasion in zip(
        orders.actor.tolist(), orders.product.tolist(), orders.occasion.tolist(), strict=True
    ):
        baskets.setdefault(occasion, (actor, set()))[1].add(product)
    sold = np.zeros(products)
    count: dict[tuple[int, int], int] = {}
    shoppers: dict[tuple[int, int], set[int]] = {}
    for actor, basket in baskets.values():
        for product in basket:
            sold[product] += 1
        if len(basket) > LARGEST_BASKET:
            continue
        ordered = sorted(basket)
        for place, one in enumerate(ordered):
            for other in ordered[place + 1 :]:
                count[one, other] = count.get((one, other), 0) + 1
                shoppers.setdefault((one, other), set()).add(actor)
    found: list[list[Pair]] = [[] for _ in range(products)]
    for (one, other), times in count.items():
        if len(shoppers[one, other]) >= SHOPPERS:
            score = times / float(np.sqrt(sold[one] * sold[other])) * times / (times + SHRINK)
            found[one].append((other, score))
            found[other].append((one, score))
    return found


def popularity(log: Log, products: int, now: float) -> Floats:
    """Of each product what shoppers do with it, each of them once a day, fading by half in a week."""
    day = np.floor(log.at / 86400).astype(np.int64)
    columns = [log.actor, log.product, log.kind, day]
    shape = [int(column.max(initial=0)) + 1 for column in columns]
    once = np.unique(np.ravel_multi_index(columns, shape))
    _, product, kind, day = np.unravel_index(once, shape)
    age = np.maximum(now / 86400 - (day + 1), 0)
    worth = np.array([POPULAR_WEIGHT[each] for each in (VIEW, CART, ORDER)])[kind]
    return np.bincount(product, worth * np.exp2(-age / HALF_LIFE_DAYS), minlength=products).astype(np.float64)


def best(weights: Floats, most: int) -> Sequence[Pair]:
    """The largest of a row, if they are above 0."""
    chosen = np.argsort(-weights, kind="stable")[:most]
    return [(int(item), float(weights[item])) for item in chosen if weights[item] > 0]
