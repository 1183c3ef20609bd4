"""Kubernetes quantities (`250m`, `1.5Gi`): read, compare, and write as the API server writes them.

Rules: k8s.io/apimachinery/pkg/api/resource, `Quantity`.
"""

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache

PATTERN = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$"
"""A quantity without sign; RE2 and Python read it alike."""

_FORM = re.compile(PATTERN)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
NANO = -9
"""The finest a quantity can be, as a power of ten."""
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def value(text: str) -> Decimal:
    """The number a quantity stands for, in its base unit (bytes, cores, …). Raises ValueError."""
    number, suffix = _split(text)
    if suffix in _BINARY:
        return number * Decimal(1024) ** _BINARY[suffix]
    return number.scaleb(_exponent(suffix))


@lru_cache(maxsize=4096)  # the same few amounts, in every reconcile
def canonical(text: str, finest: int = NANO) -> str:
    """The quantity as the API server stores it: `1000m` is `1`, `1024Mi` is `1Gi`, `1.5Gi` is `1536Mi`.

    Integers only, the largest suffix that keeps them so, and the family of suffixes (binary, decimal,
    exponent) that was written. Raises ValueError for what is not a quantity.
    """
    _, suffix = _split(text)
    amount = value(text)
    if suffix in _BINARY and amount >= 1024 and amount == amount.to_integral_value():
        return _binary(int(amount))
    # Everything else becomes decimal; the server rounds up.
    whole, exponent = int(amount.scaleb(-finest).to_integral_value(ROUND_UP)), finest
    if whole == 0:
        return "0"
    while exponent < 18 and whole % 1000 == 0:
        whole, exponent = whole // 1000, exponent + 3
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return f"{whole}e{exponent}" if exponent else str(whole)
    return f"{whole}{_SUFFIX[exponent]}"


def _binary(whole: int) -> str:
    power = 0
    while power < 6 and whole % 1024 == 0:
        whole, power = whole // 1024, power + 1
    return f"{whole}{['', *_BINARY][power]}"


def _split(text: str) -> tuple[Decimal, str]:
    match = _FORM.match(text)
    if match is None:
        raise ValueError(f"expected a quantity such as 250m, 2 or 1.5Gi, found {text!r}")
    return Decimal(match[1]), match[3] or ""


def _exponent(suffix: str) -> int:
    return _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
