"""What always holds of an order's figures, whatever is bought."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from shop_contracts.money import Money
from shop_contracts.order_taking.api import CountryTax, Figures
from shop_order_taking.figures import Wanted, figures
from shop_order_taking.tax import RegionUnknown, TaxRules, rate, region_of, tax

amounts = st.integers(0, 10**7)
points = st.integers(0, 10_000)
categories = st.sampled_from(["books", "food", "home"])
rules = st.builds(
    TaxRules,
    prices_include_tax=st.booleans(),
    by_region=st.just(False),
    rates=st.dictionaries(
        st.tuples(st.sampled_from(["", "NY"]), st.sampled_from(["", "books", "shipping"])), points
    ).map(lambda rates: {("", ""): 2100} | rates),
)
baskets = st.lists(
    st.tuples(amounts, st.integers(1, 99), categories, st.integers(-100, 10**8)), min_size=1, max_size=8
)


def of(basket: list[tuple[int, int, str, int]], shipping: int, table: TaxRules, region: str = "") -> Figures:
    wanted = [
        Wanted(UUID(int=number), "SKU", "Title", category, 500, Money(amount=price, currency="EUR"), count)
        for number, (price, count, category, _) in enumerate(basket)
    ]
    discounts = {each.product_id: line[3] for each, line in zip(wanted, basket, strict=True)}
    return figures(wanted, discounts, Money(amount=shipping, currency="EUR"), table, region)


@given(baskets, amounts, rules, st.sampled_from(["", "NY"]))
def test_the_contract_of_figures(basket, shipping: int, table: TaxRules, region: str) -> None:
    made = of(basket, shipping, table, region)
    added = not made.prices_include_tax
    lines = made.lines
    assert made.subtotal.amount == sum(line.unit_price.amount * line.quantity for line in lines)
    assert made.discount.amount == sum(line.discount.amount for line in lines)
    assert made.tax.amount == sum(line.tax.amount for line in lines) + made.shipping_tax.amount
    net = made.subtotal.amount - made.discount.amount + made.shipping.amount
    assert made.total.amount == net + added * made.tax.amount
    assert made.total.amount == (
        sum(line.total.amount for line in lines) + made.shipping.amount + added * made.shipping_tax.amount
    )


@given(baskets, amounts, rules)
def test_a_discount_is_never_above_its_line_and_nothing_is_below_zero(basket, shipping, table) -> None:
    made = of(basket, shipping, table)
    for line in made.lines:
        assert 0 <= line.discount.amount <= line.unit_price.amount * line.quantity
        assert line.tax.amount >= 0
        assert line.total.amount >= 0
    assert made.total.amount >= 0


@given(amounts, points)
def test_tax_is_the_nearest_whole_unit_half_up(amount: int, basis_points: int) -> None:
    for included, whole in ((False, 10_000), (True, 10_000 + basis_points)):
        # -1/2 < computed - exact <= 1/2, in integers.
        off = 2 * (tax(amount, basis_points, included=included) * whole - amount * basis_points)
        assert -whole < off <= whole


@given(amounts, points)
def test_tax_that_is_contained_is_less_than_what_contains_it(amount: int, basis_points: int) -> None:
    assert 0 <= tax(amount, basis_points, included=True) <= amount
    assert tax(amount, basis_points, included=True) <= tax(amount, basis_points, included=False)


@pytest.mark.parametrize(
    ("amount", "basis_points", "included", "expected"),
    [
        (11900, 1900, True, 1900),
        (10000, 1900, False, 1900),
        (50, 100, False, 1),  # half a cent
        (49, 100, False, 0),
        (999, 0, True, 0),
        (0, 2100, False, 0),
    ],
)
def test_tax_by_example(amount: int, basis_points: int, included: bool, expected: int) -> None:
    assert tax(amount, basis_points, included=included) == expected


@given(baskets, amounts, rules)
def test_shipping_is_taxed_by_its_own_rate(basket, shipping: int, table: TaxRules) -> None:
    made = of(basket, shipping, table)
    expected = tax(shipping, rate(table, "", "shipping"), included=table.prices_include_tax)
    assert made.shipping_tax.amount == expected


NEW_YORK = TaxRules(
    False,
    True,
    {("NY", ""): 400, ("NY", "clothing"): 0, ("", "gift-cards"): 0, ("CA", ""): 725, ("CA", "food"): 100},
)


@pytest.mark.parametrize(
    ("region", "category", "expected"),
    [
        ("NY", "home", 400),
        ("NY", "clothing", 0),
        ("CA", "clothing", 725),
        ("CA", "food", 100),
        ("CA", "gift-cards", 0),  # what the whole country exempts, no region taxes
    ],
)
def test_the_rate_that_fits_best(region: str, category: str, expected: int) -> None:
    assert rate(NEW_YORK, region, category) == expected


def test_a_region_is_found_as_people_write_it_and_must_be_one_that_is_taxed() -> None:
    assert region_of(NEW_YORK, " ny ") == "NY"
    for written in ("", "Berlin"):
        with pytest.raises(RegionUnknown, match="expected one of the regions CA, NY"):
            region_of(NEW_YORK, written)
    everywhere = TaxRules(True, False, {("", ""): 1900, ("HELGOLAND", ""): 0})
    assert region_of(everywhere, "Helgoland") == "HELGOLAND"
    assert region_of(everywhere, "Berlin") == ""


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"rates": []}, "without category for all of the country"),
        ({"rates": [{"category": "books", "basis_points": 700}]}, "all of the country"),
        ({"rates": [{"region": "NY", "basis_points": 400}]}, "all of the country"),
        ({"rates": [{"basis_points": 1}, {"basis_points": 2}]}, "each region and category once"),
        ({"by_region": True, "rates": [{"basis_points": 1}]}, "one for each region"),
        (
            {"by_region": True, "rates": [{"region": "NY", "category": "books", "basis_points": 1}]},
            "without category for NY",
        ),
        ({"rates": [{"basis_points": 10_001}]}, "less than or equal to 10000"),
    ],
)
def test_a_table_that_leaves_something_untaxed_is_refused(table, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CountryTax.model_validate({"prices_include_tax": True} | table)


@given(
    st.booleans(),
    st.lists(
        st.fixed_dictionaries(
            {
                "region": st.sampled_from(["", "NY", "CA"]),
                "category": st.sampled_from(["", "books"]),
                "basis_points": points,
            }
        ),
        max_size=5,
    ),
    st.sampled_from(["", "ny", "ca", "elsewhere"]),
    st.sampled_from(["books", "home", "shipping"]),
)
def test_whatever_is_accepted_taxes_everything(by_region: bool, rates, written: str, category: str) -> None:
    try:
        accepted = CountryTax.model_validate(
            {"prices_include_tax": False, "by_region": by_region, "rates": rates}
        )
    except ValidationError:
        return
    table = TaxRules(
        False, by_region, {(each.region, each.category): each.basis_points for each in accepted.rates}
    )
    try:
        region = region_of(table, written)
    except RegionUnknown:
        assert by_region
        return
    assert rate(table, region, category) >= 0
