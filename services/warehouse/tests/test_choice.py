"""From where an order comes, as a pure function."""

from itertools import combinations
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.warehouse.api import OUT_OF_STOCK
from shop_warehouse.choice import EXACT, Free, Site, choose, nearest
from shop_warehouse.refusals import Refused

LAMP, MUG = UUID(int=1), UUID(int=2)
SITES = [Site("rotterdam", "NL", 20), Site("lyon", "FR", 10), Site("berlin", "DE", 10), Site("ulm", "DE", 5)]


def chosen(wanted: dict[UUID, int], free: Free, near: list[str]) -> list[tuple[UUID, str, int]]:
    return [(each.product_id, each.warehouse, each.quantity) for each in choose(wanted, free, near)]


def test_nearest_is_the_country_then_the_priority_then_the_code() -> None:
    assert nearest(SITES, "NL") == ["rotterdam", "ulm", "berlin", "lyon"]
    assert nearest(SITES, "DE") == ["ulm", "berlin", "lyon", "rotterdam"]
    assert nearest(SITES, "US") == ["ulm", "berlin", "lyon", "rotterdam"]


def test_the_nearest_of_those_that_have_all_of_it() -> None:
    free = {LAMP: {"a": 1, "b": 5, "c": 5}, MUG: {"b": 1, "c": 5}}
    assert chosen({LAMP: 2}, free, ["a", "b", "c"]) == [(LAMP, "b", 2)]
    assert chosen({LAMP: 2, MUG: 2}, free, ["a", "b", "c"]) == [(LAMP, "c", 2), (MUG, "c", 2)]


def test_one_parcel_from_far_away_rather_than_two_from_near() -> None:
    free = {LAMP: {"near": 2, "far": 3}, MUG: {"mid": 1, "far": 1}}
    assert chosen({LAMP: 2, MUG: 1}, free, ["near", "mid", "far"]) == [(LAMP, "far", 2), (MUG, "far", 1)]


def test_a_product_is_not_divided_where_one_of_the_chosen_has_enough() -> None:
    free = {LAMP: {"a": 1, "b": 3}, MUG: {"a": 1}}
    assert chosen({LAMP: 3, MUG: 1}, free, ["a", "b"]) == [(LAMP, "b", 3), (MUG, "a", 1)]


def test_a_product_is_divided_where_it_must_be() -> None:
    assert chosen({LAMP: 5}, {LAMP: {"a": 2, "b": 1, "c": 4}}, ["a", "b", "c"]) == [
        (LAMP, "a", 2),
        (LAMP, "c", 3),
    ]


def test_more_parcels_than_are_tried_take_what_gives_most() -> None:
    free = {LAMP: {"a": 1, "b": 3, "c": 3, "d": 3, "e": 2}}
    assert chosen({LAMP: 11}, free, list("abcde")) == [
        (LAMP, "b", 3),
        (LAMP, "c", 3),
        (LAMP, "d", 3),
        (LAMP, "e", 2),
    ]


def test_too_little_is_said_of_every_product() -> None:
    gone = uuid4()
    with pytest.raises(Refused) as refused:
        choose({LAMP: 3, MUG: 1, gone: 2}, {LAMP: {"a": 1, "b": 1}, MUG: {"a": 1}, gone: {}}, ["a", "b"])
    assert refused.value.type == OUT_OF_STOCK
    assert refused.value.members["shortages"] == [
        {"product_id": str(LAMP), "wanted": 3, "available": 2},
        {"product_id": str(gone), "wanted": 2, "available": 0},
    ]


PRODUCTS = [UUID(int=n) for n in range(1, 4)]
CODES = list("abcdef")
WANTED = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 6), min_size=1)
FREE = st.fixed_dictionaries(
    {product: st.dictionaries(st.sampled_from(CODES), st.integers(0, 4)) for product in PRODUCTS}
)


@given(WANTED, FREE, st.permutations(CODES))
def test_all_of_it_comes_from_what_is_there_in_the_fewest_parcels(
    wanted: dict[UUID, int], free: dict[UUID, dict[str, int]], near: list[str]
) -> None:
    def covers(group: tuple[str, ...]) -> bool:
        return all(sum(free[p].get(code, 0) for code in group) >= n for p, n in wanted.items())

    if not covers(tuple(near)):
        with pytest.raises(Refused):
            choose(wanted, free, near)
        return
    lines = choose(wanted, free, near)
    for product, quantity in wanted.items():
        assert sum(line.quantity for line in lines if line.product_id == product) == quantity
    assert all(0 < line.quantity <= free[line.product_id][line.warehouse] for line in lines)
    assert len({(line.product_id, line.warehouse) for line in lines}) == len(lines)
    parcels = {line.warehouse for line in lines}
    fewest = next(n for n in range(1, len(near) + 1) if any(map(covers, combinations(near, n))))
    if fewest <= EXACT:
        assert len(parcels) == fewest
        best = next(group for group in combinations(near, fewest) if covers(group))
        assert parcels == set(best)
