"""What a model is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from shop_recommendation.content import Features

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

VIEW, CART, ORDER = 0, 1, 2


@dataclass(frozen=True)
class Log:
    """Interactions, one per place in the arrays, in any order."""

    actor: Ints
    """A number for each shopper, from 0."""
    product: Ints
    """A number for each product, its place among the goods."""
    kind: Ints
    """VIEW, CART or ORDER."""
    occasion: Ints
    """A number that interactions of the same order share; of views and carts it means nothing."""
    at: Floats
    """Unix time."""

    def __len__(self) -> int:
        return len(self.actor)

    def where(self, chosen: NDArray[np.bool_] | Ints) -> "Log":
        """Some of them."""
        return Log(
            self.actor[chosen],
            self.product[chosen],
            self.kind[chosen],
            self.occasion[chosen],
            self.at[chosen],
        )


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as catalog describes it."""

    id: UUID
    features: Features
    active: bool


@dataclass(frozen=True)
class Material:
    """All of it."""

    log: Log
    goods: Sequence[Goods]
    parents: Mapping[str, str | None]
    """The tree of categories."""
    now: float
    """Unix time."""
