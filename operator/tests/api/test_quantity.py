from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_operator.api import quantity


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        ("250m", "250m"),
        ("0.25", "250m"),
        ("1.5", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1024", "1024"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("12E3", "12e3"),
        ("1E", "1E"),
        ("2Ei", "2Ei"),
        ("1.1Ki", "1126400m"),
        ("100Ki", "100Ki"),
        ("0", "0"),
        ("0Mi", "0"),
        ("0.0000000001", "1n"),
        (".5", "500m"),
        ("5.", "5"),
    ],
)
def test_canonical_as_the_server_writes_it(written: str, stored: str) -> None:
    assert quantity.canonical(written) == stored


@pytest.mark.parametrize("wrong", ["", "x", "-1", "+1", "1 Gi", "1gi", "1Ki5", "1e", "Mi", "１"])
def test_what_is_no_quantity_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected a quantity"):
        quantity.canonical(wrong)


AMOUNTS = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.decimals(min_value=0, max_value=10**6, places=3),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)


@given(AMOUNTS)
def test_canonical_keeps_the_value_and_is_stable(written: str) -> None:
    once = quantity.canonical(written)
    assert quantity.canonical(once) == once
    assert 0 <= quantity.value(once) - quantity.value(written) < Decimal("1e-9")
