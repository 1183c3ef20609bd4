import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from shop_contracts.money import Money, sum_of

amounts = st.integers(-(10**9), 10**9)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


@given(amounts, amounts, st.integers(0, 999))
def test_it_counts_as_integers_do(one: int, other: int, times: int) -> None:
    assert eur(one) + eur(other) == eur(one + other)
    assert eur(one) - eur(other) == eur(one) + -eur(other) == eur(one - other)
    assert eur(one) * times == sum_of([eur(one)] * times, "EUR") == eur(one * times)


def test_the_sum_of_nothing_is_nothing_of_the_currency() -> None:
    assert sum_of([], "JPY") == Money.zero("JPY") == Money(amount=0, currency="JPY")


@pytest.mark.parametrize(
    "mixed",
    [
        lambda: eur(1) + Money.zero("USD"),
        lambda: eur(1) - Money.zero("USD"),
        lambda: sum_of([eur(1)], "USD"),
    ],
)
def test_currencies_do_not_mix(mixed) -> None:
    with pytest.raises(ValueError, match="expected an amount in"):
        mixed()


def test_an_amount_that_readers_of_json_would_round_is_refused() -> None:
    with pytest.raises(ValidationError):
        eur(2**53) + eur(1)
