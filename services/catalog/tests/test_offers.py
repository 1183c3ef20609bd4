"""What promotions and coupons take off: examples, and what holds for all of them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_catalog.offers import Line, Offer, Promoted, coupon_off, promoted
from shop_contracts.catalog.promotions import AmountOff, NForM, Percentage, Rule
from shop_contracts.money import Money


def line(number: int, unit: int, quantity: int = 1, *categories: str) -> Line:
    return Line(UUID(int=number), frozenset(categories), quantity, unit)


def percent(number: int) -> Percentage:
    return Percentage(percent=number)


def euros(amount: int, per: str = "order") -> AmountOff:
    return AmountOff(amount=Money(amount=amount, currency="EUR"), per=per)  # type: ignore[arg-type]


def offer(rule: Rule, *, id: str = "a", exclusive: bool = False, categories: set[str] | None = None) -> Offer:
    return Offer(id, rule, frozenset(categories or ()), exclusive=exclusive)


def off(lines: list[Line], *offers: Offer) -> dict[int, int]:
    return {product.int: amount for product, amount in promoted(lines, offers).off.items()}


@pytest.mark.parametrize(
    ("rule", "lines", "expected"),
    [
        (percent(10), [line(1, 999)], {1: 100}),
        (percent(50), [line(1, 1), line(2, 3)], {1: 1, 2: 2}),
        (percent(100), [line(1, 999, 7)], {1: 6993}),
        (percent(10), [line(1, 4)], {}),
        (euros(500, "piece"), [line(1, 1200, 2), line(2, 300, 2)], {1: 1000, 2: 600}),
        (euros(500), [line(1, 300), line(2, 100)], {1: 300, 2: 100}),
        (euros(100), [line(1, 100), line(2, 100), line(3, 100)], {1: 34, 2: 33, 3: 33}),
        (euros(100), [line(1, 300), line(2, 100)], {1: 75, 2: 25}),
        (euros(100), [line(1, 0)], {}),
        (NForM(take=3, pay=2), [line(1, 1000, 2), line(2, 300)], {2: 300}),
        (NForM(take=3, pay=2), [line(1, 1000, 2)], {}),
        (NForM(take=3, pay=1), [line(1, 1000), line(2, 300), line(3, 400, 5)], {2: 300, 3: 1200}),
    ],
)
def test_what_a_rule_takes_off(rule: Rule, lines: list[Line], expected: dict[int, int]) -> None:
    assert off(lines, offer(rule)) == expected


def test_offers_that_may_be_combined_come_one_after_the_other() -> None:
    lines = [line(1, 1000, 2), line(2, 500)]
    offers = [
        offer(euros(90), id="order"),
        offer(percent(10), id="per cent"),
        offer(euros(100, "piece"), id="piece"),
        offer(NForM(take=3, pay=2), id="free"),
    ]
    # 2 is free; of 1 are left 2000, 1800, 1620, 1530.
    assert off(lines, *offers) == {1: 470, 2: 500}


def test_categories_and_products_say_what_an_offer_is_on() -> None:
    lines = [line(1, 100, 1, "mugs", "kitchen"), line(2, 100, 1, "home"), line(3, 100)]
    assert off(lines, offer(percent(10), categories={"kitchen"})) == {1: 10}
    both = Offer("a", percent(10), frozenset({"kitchen"}), frozenset({UUID(int=3)}))
    assert off(lines, both) == {1: 10, 3: 10}


def test_an_exclusive_offer_has_its_lines_for_itself() -> None:
    lines = [line(1, 1000, 1, "a"), line(2, 1000, 1, "b")]
    alone = offer(percent(30), id="x", exclusive=True, categories={"a"})
    assert off(lines, alone, offer(percent(20), id="y")) == {1: 300, 2: 200}
    assert promoted(lines, [alone]).closed == {UUID(int=1)}


def test_an_exclusive_offer_that_gives_less_than_the_others_together_is_left_out() -> None:
    lines = [line(1, 1000)]
    together = [offer(percent(20), id="y"), offer(percent(10), id="z")]
    assert off(lines, offer(percent(25), id="x", exclusive=True), *together) == {1: 280}
    assert off(lines, offer(percent(29), id="x", exclusive=True), *together) == {1: 290}


def test_a_coupon_takes_its_part_of_what_promotions_leave() -> None:
    lines = [line(1, 1000), line(2, 1000), line(3, 1000)]
    before = Promoted({UUID(int=1): 300, UUID(int=2): 500}, frozenset({UUID(int=2)}))
    assert coupon_off(lines, before, offer(percent(10))) == {UUID(int=1): 70, UUID(int=3): 100}
    assert coupon_off(lines, before, offer(percent(10), exclusive=True)) == {UUID(int=3): 100}


def test_an_amount_is_of_its_currency_alone() -> None:
    assert offer(euros(1)).in_currency("EUR")
    assert not offer(euros(1)).in_currency("USD")
    assert offer(percent(1)).in_currency("USD")


# -- what always holds --------------------------------------------------------------------------------------

categories = st.frozensets(st.sampled_from("abc"), max_size=2)
many_lines = st.lists(
    st.builds(
        Line,
        st.integers(1, 6).map(lambda number: UUID(int=number)),
        categories,
        st.integers(1, 9),
        st.one_of(st.integers(0, 20), st.integers(0, 10**7)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda line: line.product_id,
)
amounts = st.builds(
    AmountOff,
    amount=st.integers(1, 10**7).map(lambda amount: Money(amount=amount, currency="EUR")),
    per=st.sampled_from(["piece", "order"]),
)
rules = st.one_of(
    st.builds(Percentage, percent=st.integers(1, 100)),
    amounts,
    st.integers(2, 5).flatmap(lambda n: st.builds(NForM, take=st.just(n), pay=st.integers(1, n - 1))),
)
products = st.frozensets(st.integers(1, 6).map(lambda number: UUID(int=number)), max_size=2)


def offers_of(exclusive: st.SearchStrategy[bool]) -> st.SearchStrategy[list[Offer]]:
    ids = st.text("abcdefgh", min_size=1, max_size=3)
    one = st.builds(Offer, ids, rules, categories, products, exclusive)
    return st.lists(one, max_size=5, unique_by=lambda offer: offer.id)


some_offers = offers_of(st.booleans())
a_coupon = st.builds(Offer, st.just("coupon"), rules, categories, products, st.booleans())


@given(lines=many_lines, offers=some_offers, coupon=a_coupon)
def test_nothing_costs_less_than_nothing(lines: list[Line], offers: list[Offer], coupon: Offer) -> None:
    price = {line.product_id: line.price for line in lines}
    before = promoted(lines, offers)
    further = coupon_off(lines, before, coupon)
    assert before.off.keys() | further.keys() <= price.keys()
    assert all(amount > 0 for amount in (*before.off.values(), *further.values()))
    for product, whole in price.items():
        assert before.off.get(product, 0) + further.get(product, 0) <= whole


@given(lines=many_lines, offers=some_offers, coupon=a_coupon, data=st.data())
def test_the_order_of_lines_and_offers_does_not_matter(
    lines: list[Line], offers: list[Offer], coupon: Offer, data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(lines))
    before = promoted(lines, offers)
    assert promoted(mixed, data.draw(st.permutations(offers))) == before
    assert coupon_off(mixed, before, coupon) == coupon_off(lines, before, coupon)


@given(lines=many_lines, offers=offers_of(st.just(True)))
def test_the_best_exclusive_offer_wins(lines: list[Line], offers: list[Offer]) -> None:
    """It takes off what it would alone, and no line that it is on gets anything else."""
    alone = {offer.id: promoted(lines, [offer]).off for offer in offers}
    most = max((sum(each.values()) for each in alone.values()), default=0)
    result = promoted(lines, offers)
    assert sum(result.off.values()) >= most
    if most:
        winner = min(id for id, each in alone.items() if sum(each.values()) == most)
        [best] = [offer for offer in offers if offer.id == winner]
        covered = {line.product_id for line in lines if best.covers(line)}
        assert {id: amount for id, amount in result.off.items() if id in covered} == alone[winner]


@given(lines=many_lines, exclusive=offers_of(st.just(True)), others=offers_of(st.just(False)))
def test_exclusive_offers_never_make_an_order_dearer(
    lines: list[Line], exclusive: list[Offer], others: list[Offer]
) -> None:
    renamed = [Offer(f"x{o.id}", o.rule, o.categories, o.products, True) for o in exclusive]
    both = promoted(lines, [*renamed, *others])
    assert sum(both.off.values()) >= sum(promoted(lines, others).off.values())
    assert all(any(o.covers(n) for o in renamed) for n in lines if n.product_id in both.closed)


@given(amount=st.integers(1, 10**7), lines=many_lines)
def test_an_amount_off_the_order_is_given_to_the_last_unit(amount: int, lines: list[Line]) -> None:
    taken = promoted(lines, [offer(euros(amount))]).off
    assert sum(taken.values()) == min(amount, sum(line.price for line in lines))
