from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.logistics.api import Stop
from shop_logistics.routes import distance, plan

codes = st.text(alphabet="0123456789ABXY -äß", max_size=8)


def stops_at(postal_codes: list[str]) -> list[Stop]:
    return [
        Stop(order_id=UUID(int=number), postal_code=code, city="", tracking_number="")
        for number, code in enumerate(postal_codes)
    ]


@given(codes, codes)
def test_distances_are_the_same_both_ways_and_none_to_oneself(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one) >= 0
    assert distance(one, one) == 0


@given(codes, st.lists(codes, max_size=12), st.randoms())
def test_each_stop_is_driven_to_once_whatever_the_order_they_come_in(
    depot: str, postal_codes: list[str], random
) -> None:
    stops = stops_at(postal_codes)
    route = plan(depot, stops)
    assert sorted(stop.order_id for stop in route) == [stop.order_id for stop in stops]
    random.shuffle(stops)
    assert plan(depot, stops) == route


@given(codes, st.lists(codes, min_size=1, max_size=12))
def test_from_each_stop_it_goes_to_the_nearest_that_is_left(depot: str, postal_codes: list[str]) -> None:
    route = plan(depot, stops_at(postal_codes))
    for index, stop in enumerate(route):
        here = route[index - 1].postal_code if index else depot
        assert distance(here, stop.postal_code) == min(
            distance(here, other.postal_code) for other in route[index:]
        )


def test_a_day_around_rotterdam() -> None:
    route = plan("3089 JH", stops_at(["1012 AB", "3011 AD", "3084 AA", "2511 BT"]))
    assert [stop.postal_code for stop in route] == ["3084 AA", "3011 AD", "2511 BT", "1012 AB"]
