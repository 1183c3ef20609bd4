"""What the model is compared with.

The fade and shrinkage of item-kNN, and the constants of the model, were chosen on a world of another seed
than those reported; the others have usual values.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from shop_bench.recommendation.cases import Case, Known
from shop_bench.shoppers.world import Floats


class Random:
    """Whatever is there."""

    name = "random"

    def learn(self, known: Known) -> None:
        """Nothing to learn."""
        self._goods = np.array(known.goods)
        self._chance = np.random.default_rng(7)

    def ten(self, case: Case) -> Sequence[int]:
        """Any."""
        drawn = self._chance.choice(self._goods, 10 + len(case.seen), replace=False).tolist()
        return [each for each in drawn if each not in case.seen][:10]


class Popularity:
    """What was looked at most in the last days."""

    name = "popularity"

    def __init__(self, days: float = 14) -> None:
        self._days = days

    def learn(self, known: Known) -> None:
        """Counts."""
        since = known.now - self._days * 86400
        looked = Counter(each.product for each in known.past if each.at >= since)
        self._order = [product for product, _ in looked.most_common()]

    def ten(self, case: Case) -> Sequence[int]:
        """The same for everybody."""
        return [each for each in self._order if each not in case.seen][:10]


class ItemKnn:
    """The cosine of products over sessions, shrunk where there are few (Deshpande and Karypis, TOIS 2004),
    summed over the session with more weight for what came last."""

    name = "item-kNN"

    def __init__(self, neighbours: int = 100, shrink: float = 5.0, fade: float = 3.0) -> None:
        self._neighbours = neighbours
        self._shrink = shrink
        self._fade = fade

    def learn(self, known: Known) -> None:
        """Counts sessions that products share."""
        count = known.story.world.scale.products
        sessions: dict[int, set[int]] = {}
        for each in known.past:
            sessions.setdefault(each.session, set()).add(each.product)
        both = np.zeros((count, count))
        for products in sessions.values():
            members = np.array(sorted(products))
            both[np.ix_(members, members)] += 1
        size = np.diagonal(both).copy()
        cosine = both / (np.sqrt(np.outer(size, size)) + self._shrink)
        np.fill_diagonal(cosine, 0)
        edge = np.sort(cosine, axis=1)[:, -self._neighbours][:, None]
        self._cosine: Floats = np.where(cosine >= edge, cosine, 0)

    def ten(self, case: Case) -> Sequence[int]:
        """The nearest to the session."""
        order = list(dict.fromkeys(each.product for each in reversed(case.session)))
        weights = np.exp(-np.arange(len(order)) / self._fade)
        return top(weights @ self._cosine[order], case.seen)


class Factors:
    """Matrix factorisation by alternating least squares (Hu, Koren, Volinsky, ICDM 2008), of the library
    `implicit`; the session is folded in."""

    name = "ALS"

    def __init__(
        self, factors: int = 64, ridge: float = 2.0, alpha: float = 10.0, before: float = 0.1
    ) -> None:
        self._options = {"factors": factors, "regularization": ridge, "alpha": alpha}
        self._before = before

    def learn(self, known: Known) -> None:
        """Factorises sessions × products."""
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix

        pairs = sorted({(each.session, each.product) for each in known.past})
        rows, columns = np.array(pairs).T
        count = known.story.world.scale.products
        _, row = np.unique(rows, return_inverse=True)
        sessions = csr_matrix((np.ones(len(pairs), np.float32), (row, columns)), shape=(row.max() + 1, count))
        self._csr, self._count, self._goods = csr_matrix, count, known.goods
        self._model = AlternatingLeastSquares(iterations=12, random_state=1, num_threads=1, **self._options)
        self._model.fit(sessions, show_progress=False)

    def ten(self, case: Case) -> Sequence[int]:
        """By the factors of a shopper who did this and nothing else."""
        weight = {each.product: self._before for each in case.before[-40:]}
        weight |= {each.product: 1.0 for each in case.session}
        values = np.array(list(weight.values()), np.float32)
        row = self._csr(
            (values, (np.zeros(len(weight), int), np.array(list(weight)))), shape=(1, self._count)
        )
        factors = self._model.recalculate_user(0, row)
        return top(self._model.item_factors @ factors, case.seen)


class Oracle:
    """The generator itself: the chances that the next step is drawn from. Nobody can do better."""

    name = "oracle"

    def learn(self, known: Known) -> None:
        """It knows."""

    def ten(self, case: Case) -> Sequence[int]:
        """The likeliest."""
        return case.oracle


def top(scores: Floats, seen: set[int]) -> list[int]:
    """Ten products with a score above 0, best first."""
    scores = scores.copy()
    scores[list(seen)] = 0
    best = np.argsort(-scores, kind="stable")[:10]
    return [int(each) for each in best if scores[each] > 0]
