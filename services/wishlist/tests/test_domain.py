from hypothesis import given
from hypothesis import strategies as st
from shop_wishlist.domain import Terms, next_ceiling

amounts = st.integers(0, 10**9)
terms = st.builds(Terms, below=st.none() | st.integers(1, 10**9), percent=st.none() | st.integers(1, 99))


def test_without_terms_any_fall_is_told() -> None:
    assert Terms().limit(4900) == 4899
    assert Terms().first_ceiling(4900) == 4899


def test_a_threshold_is_told_from_that_price_on() -> None:
    assert Terms(below=4000).first_ceiling(4900) == 4000
    assert Terms(below=5000).first_ceiling(4900) == 4899, "what it costs already is no news"


def test_a_percentage_is_of_the_price_at_the_time_of_watching() -> None:
    assert Terms(percent=10).limit(4900) == 4410
    assert Terms(percent=10).limit(4905) == 4414, "4415 is less than 10 % off"
    assert Terms(percent=99).limit(50) == 0


def test_of_both_either_is_enough() -> None:
    assert Terms(below=4000, percent=10).limit(4900) == 4410
    assert Terms(below=4500, percent=10).limit(4900) == 4500


@given(terms, amounts)
def test_the_ceiling_is_within_the_limit_and_below_what_is_known(rule: Terms, reference: int) -> None:
    ceiling = rule.first_ceiling(reference)
    assert ceiling <= rule.limit(reference)
    assert ceiling < reference
    assert ceiling in (rule.limit(reference), reference - 1)


@given(terms, amounts, amounts)
def test_what_was_told_is_never_told_again(rule: Terms, reference: int, price: int) -> None:
    if price <= rule.first_ceiling(reference):
        assert next_ceiling(price) == min(rule.limit(reference), price - 1)


def test_nothing_is_cheaper_than_nothing() -> None:
    assert Terms().limit(0) == 0
    assert Terms().first_ceiling(0) < 0
