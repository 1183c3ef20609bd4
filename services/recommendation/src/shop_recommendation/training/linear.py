"""What shoppers turn to after a product: a linear model, solved in closed form, blended with plain counting.

The regression is EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): each product
from all others of the same session, with a ridge, and nothing from a product to itself. With P the inverse of
the products' Gram matrix plus ridge, that is B = I - P / diag(P). It knows what explains away what, but
favours what is popular; the cosine of sessions does not, and is better where there is little to learn from.
Both are brought to one scale and added; the evaluation under docs/bench is why.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shop_recommendation.ranking import PAUSE
from shop_recommendation.training.log import CART, ORDER, Floats, Ints, Log, Matrix

LONGEST_SESSION = 40


@dataclass(frozen=True)
class Weights:
    """What counts how much."""

    ridge: float = 3.0
    """Of what a product has on the diagonal, on average."""
    shrink: float = 5.0
    """Sessions that are added to those of two products, so that few together are not believed."""
    common: float = 0.25
    """By which power of its sessions a product is held back in the regression."""
    half_life: float = 60.0
    """Days after which a session counts half."""
    bought: float = 1.0
    """What a product in a cart or order counts against one that was looked at."""


@dataclass(frozen=True)
class Sessions:
    """Products in order, one session after the other."""

    row: Ints
    """Number of the session."""
    item: Ints
    value: Floats
    weight: Floats
    """Of the session, by its age."""


def sessions(log: Log, now: float, weights: Weights) -> Sessions:
    """Each product once per session, where it came first; of long ones the end."""
    log = log.where(np.lexsort((log.at, log.actor)))
    begins = np.ones(len(log), bool)
    begins[1:] = (np.diff(log.actor) != 0) | (np.diff(log.at) > PAUSE.total_seconds())
    row = np.cumsum(begins) - 1
    value = np.where((log.kind == CART) | (log.kind == ORDER), weights.bought, 1.0)
    width = int(log.product.max(initial=0)) + 1
    _, first, which = np.unique(row * width + log.product, return_index=True, return_inverse=True)
    most = np.zeros(len(first))
    np.maximum.at(most, which, value)
    order = np.argsort(first, kind="stable")
    first, most = first[order], most[order]
    row, item = row[first], log.product[first]
    to_go = np.cumsum(np.bincount(row))[row] - np.arange(len(row))
    kept = to_go <= LONGEST_SESSION
    age_days = np.maximum(now - log.at[first], 0) / 86400
    return Sessions(row[kept], item[kept], most[kept], np.exp2(-age_days / weights.half_life)[kept])


def _pairs(rows: Sessions) -> Iterator[tuple[int, Ints]]:
    """For each distance the places whose partner, so much later, is in the same session."""
    count = len(rows.row)
    for distance in range(min(LONGEST_SESSION, count)):
        first = np.arange(count - distance)
        yield distance, first[rows.row[first] == rows.row[first + distance]]


def gram(rows: Sessions, products: int) -> Matrix:
    """Over all sessions what two products have to do with each other; symmetric."""
    found = np.zeros((products, products), np.float32)
    for distance, first in _pairs(rows):
        one, other = rows.item[first], rows.item[first + distance]
        value = (rows.weight[first] * rows.value[first] * rows.value[first + distance]).astype(np.float32)
        np.add.at(found, (one, other), value)
        if distance:
            np.add.at(found, (other, one), value)
    return found


def fit(log: Log, products: int, now: float, weights: Weights) -> tuple[Matrix, Matrix]:
    """What follows, from row to column, and the cosine of sessions, which is symmetric."""
    both = gram(sessions(log, now, weights), products)
    cosine = _cosine(both, weights.shrink)
    found = _regression(both, weights)
    found /= _typical(found)
    found += cosine / _typical(cosine)
    return found, cosine


def _cosine(both: Matrix, shrink: float) -> Matrix:
    size = np.sqrt(np.diagonal(both))
    cosine = (both / (np.outer(size, size) + shrink)).astype(np.float32)
    np.fill_diagonal(cosine, 0)
    return cosine


def _regression(both: Matrix, weights: Weights) -> Matrix:
    size = np.diagonal(both).copy()
    if not size.any():
        return np.zeros_like(both)
    ridge = np.float32(weights.ridge * size.mean())
    found = np.linalg.inv(both + ridge * np.eye(len(both), dtype=np.float32)).astype(np.float32, copy=False)
    found /= -np.diagonal(found).copy()
    np.fill_diagonal(found, 0)
    found /= np.maximum(size, 1) ** np.float32(weights.common)
    return found


def _typical(matrix: Matrix) -> np.float32:
    """The mean of the largest of each row, so that matrices of different units can be added."""
    most = min(20, len(matrix))
    if not most:
        return np.float32(1)
    largest = np.partition(matrix, -most, axis=1)[:, -most:].mean()
    return np.float32(largest if largest > 0 else 1)


def most_products(memory: int) -> int:
    """How many products may be fitted in so many bytes: five square matrices of 4 bytes are there at once."""
    return int((memory / 20) ** 0.5)
