from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_logistics.rates import Offer, bands, cheapest, normalised, working_days_after, zone_of

offers = st.lists(
    st.builds(
        Offer,
        carrier=st.sampled_from(["a", "b", "c"]),
        option=st.sampled_from(["standard", "express"]),
        max_weight_grams=st.integers(1, 100),
        price=st.integers(0, 50),
        days_min=st.integers(0, 3),
        days_max=st.integers(3, 9),
    ),
    unique_by=lambda offer: (offer.carrier, offer.option, offer.max_weight_grams),
    max_size=20,
)
weights = st.integers(0, 120)


@given(offers, weights)
def test_of_each_option_nobody_who_can_is_cheaper(table: list[Offer], weight: int) -> None:
    able = bands(table, weight)
    chosen = cheapest(table, weight)
    assert {offer.option for offer in chosen} == {offer.option for offer in able}
    for offer in chosen:
        assert offer in able
        rivals = [other for other in able if other.option == offer.option]
        assert (offer.price, offer.days_max) == min((other.price, other.days_max) for other in rivals)
    assert [offer.price for offer in chosen] == sorted(offer.price for offer in chosen)


@given(offers, weights)
def test_each_carrier_charges_for_the_narrowest_band_that_holds_the_parcel(
    table: list[Offer], weight: int
) -> None:
    for offer in bands(table, weight):
        assert offer.max_weight_grams >= weight
        assert not [
            other
            for other in table
            if (other.carrier, other.option) == (offer.carrier, offer.option)
            and weight <= other.max_weight_grams < offer.max_weight_grams
        ]


@given(st.randoms(), offers, weights)
def test_the_choice_does_not_depend_on_the_order_of_rows(random, table: list[Offer], weight: int) -> None:
    shuffled = list(table)
    random.shuffle(shuffled)
    assert cheapest(shuffled, weight) == cheapest(table, weight)


def test_what_nobody_can_carry_has_no_offer() -> None:
    assert cheapest([Offer("a", "standard", 1000, 490, 1, 2)], 1001) == []


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("1010", "mainland"),
        ("2584-9", "islands"),
        ("258", "mainland"),
        ("", "mainland"),
        ("25 8 4", "islands"),
    ],
)
def test_the_longest_prefix_decides(code: str, zone: str) -> None:
    assert zone_of({"": "mainland", "2584": "islands"}, code) == zone


def test_a_country_without_an_area_for_the_address_is_not_served() -> None:
    assert zone_of({}, "1010") is None
    assert zone_of({"97": "remote"}, "75001") is None


@given(st.text(max_size=12))
def test_a_postal_code_is_the_same_however_it_is_spaced(code: str) -> None:
    assert normalised(" ".join(code)) == normalised(code) == normalised(normalised(code))


@given(st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.integers(1, 30))
def test_working_days_are_counted_one_by_one(day: date, count: int) -> None:
    arrival = working_days_after(day, count)
    assert arrival.weekday() < 5
    between = [day + timedelta(days=n) for n in range(1, (arrival - day).days + 1)]
    assert sum(each.weekday() < 5 for each in between) == count


def test_no_days_is_the_same_day() -> None:
    assert working_days_after(date(2026, 11, 21), 0) == date(2026, 11, 21)  # a Saturday
