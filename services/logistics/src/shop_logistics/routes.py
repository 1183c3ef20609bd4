"""The order in which a van drives to its stops."""

from collections.abc import Sequence

from shop_contracts.logistics.api import Stop

from shop_logistics.rates import normalised


def distance(one: str, other: str) -> int:
    """How far apart two postal codes are: read as numbers to base 36, of equal length.

    Codes with a long beginning in common are near each other in almost every country, and neighbours in
    number mostly neighbours in fact. It knows no roads: enough to order a day's stops, not to time them.
    """
    codes = normalised(one), normalised(other)
    length = max(map(len, codes))
    first, second = (int(_ascii(code).ljust(length, "0") or "0", 36) for code in codes)
    return abs(first - second)


def plan(depot: str, stops: Sequence[Stop]) -> list[Stop]:
    """All stops, each the one nearest to that before it, beginning at the depot's postal code.

    Of equals the order's id decides: the same stops give the same route in whatever order they come.
    """
    left = sorted(stops, key=lambda stop: stop.order_id)
    here, route = depot, []
    while left:
        nearest = min(left, key=lambda stop: distance(here, stop.postal_code))
        left.remove(nearest)
        route.append(nearest)
        here = nearest.postal_code
    return route


def _ascii(code: str) -> str:
    return "".join(character if character.isascii() else "0" for character in code)
