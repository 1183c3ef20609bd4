"""A shopper's taste: which brands, materials or prices they look at more often than chance would have it.

That somebody met a value k times, where the categories of what they looked at let expect e, makes it k / e
times as likely for them: once there is enough to go by. Until then the ratio is held near 1, as the mean of a
Gamma distribution with strength m is: (k + m) / (e + m) (the shrinkage of DuMouchel, "Bayesian Data Mining in
Large Frequency Tables", The American Statistician 1999). Each attribute has its own m; training finds it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

PRICE = "price"
"""Stands among the attributes for where a price is within its category."""
BOUND = 6.0
"""A taste makes nothing more or less likely than so many times."""

Shares = Sequence[Mapping[int, float]]
"""For each category: how often its products have a value."""


def shares(
    categories: Sequence[int], codes: Sequence[Sequence[int]], weights: Sequence[float], count: int
) -> Shares:
    """From products with their categories, values and weights."""
    total = [0.0] * count
    found: list[dict[int, float]] = [{} for _ in range(count)]
    for category, own, weight in zip(categories, codes, weights, strict=True):
        total[category] += weight
        for code in own:
            found[category][code] = found[category].get(code, 0.0) + weight
    return [
        {code: weight / total[category] for code, weight in own.items()} for category, own in enumerate(found)
    ]


class Taste:
    """Of one shopper, from the products that they had to do with."""

    def __init__(
        self,
        looked_at: Iterable[tuple[int, Sequence[int]]],
        usual: Shares,
        strength: Mapping[int, float],
    ) -> None:
        """Products as category and values; the strength of each value's attribute."""
        self._seen: Counter[int] = Counter()
        visits: Counter[int] = Counter()
        for category, codes in looked_at:
            visits[category] += 1
            self._seen.update(codes)
        self._expected: dict[int, float] = {}
        for category, times in visits.items():
            for code, share in usual[category].items():
                self._expected[code] = self._expected.get(code, 0.0) + times * share
        self._strength = strength

    def factor(self, codes: Sequence[int]) -> float:
        """How many times likelier a product with these values is for this shopper than for anybody."""
        found = 1.0
        for code in codes:
            if code in self._expected:
                strength = self._strength[code]
                found *= (self._seen[code] + strength) / (self._expected[code] + strength)
        return min(max(found, 1 / BOUND), BOUND)
