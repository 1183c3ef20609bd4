"""From a log to suggestions, without a database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_contracts.recommendation.api import Slot
from shop_recommendation.artefact import decode, encode
from shop_recommendation.content import Features
from shop_recommendation.ranking import Model, Seen, signals, suggest
from shop_recommendation.training import build as building
from shop_recommendation.training.build import Plan, build
from shop_recommendation.training.log import CART, ORDER, VIEW, Goods, Log, Material

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KINDS = ("view", "cart", "order")


def goods(*features: Features, gone: frozenset[int] = frozenset()) -> list[Goods]:
    return [Goods(UUID(int=number), each, number not in gone) for number, each in enumerate(features)]


def lamp(brand: str) -> Features:
    return Features.of("lighting", {"brand": brand}, 4900, "EUR")


def material(products: list[Goods], visits: list[list[int]]) -> Material:
    """Each visit is somebody else's, an hour after the one before."""
    rows = [
        (actor, product, VIEW, actor, NOW.timestamp() - 3600 * (len(visits) - actor) + 10 * place)
        for actor, visit in enumerate(visits)
        for place, product in enumerate(visit)
    ]
    columns = [np.array([row[place] for row in rows], np.int64) for place in range(4)]
    log = Log(*columns, np.array([row[4] for row in rows], float))
    return Material(log, products, {"lighting": None, "tables": None}, NOW.timestamp())


def made(products: list[Goods], visits: list[list[int]], plan: Plan | None = None) -> Model:
    return Model(decode(encode(build(material(products, visits), plan or Plan()))))


def seen(*products: int) -> list[Seen]:
    """Newest first."""
    return [
        Seen(UUID(int=product), "view", NOW - timedelta(minutes=place + 1))
        for place, product in enumerate(products)
    ]


def suggested(model: Model, history: list[Seen], slot: Slot = "home") -> list[int]:
    found = suggest(model, signals(history, [], NOW), slot, {each.product for each in history}, 10)
    return [each.product.int for each in found]


def test_a_product_without_a_past_is_suggested_where_one_like_it_would_be() -> None:
    products = goods(lamp("a"), lamp("b"), Features.of("tables", {"brand": "c"}, 9000, "EUR"), lamp("b"))
    model = made(products, [[2, 1]] * 4 + [[2, 0]] * 4 + [[0, 1]] * 4)
    found = suggested(model, seen(2))
    assert set(found) == {0, 1, 3}
    assert found.index(1) < found.index(3), "what has a past comes first"
    assert 1 in suggested(model, seen(3)), "and it says something itself"


def test_what_is_not_sold_is_no_suggestion_but_says_something() -> None:
    products = goods(*(lamp(brand) for brand in "abc"), gone=frozenset({1}))
    model = made(products, [[0, 1], [1, 2], [0, 1, 2]] * 3)
    assert suggested(model, seen(0)) == [2]
    assert suggested(model, seen(1))


def test_only_so_many_products_are_fitted_as_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "NEWCOMERS", 2)
    products = goods(*(lamp("a") for _ in range(30)))
    visits = [[number, (number + 1) % 8] for number in range(8)] * 4 + [[0, 1]] * 4
    model = made(products, visits, Plan(memory=20 * 6**2))
    kept = {each.int for each in model.content.products}
    assert len(kept) == 6 + 2
    assert {0, 1} < kept
    assert {28, 29} < kept, "the newest of those without a past"


visits = st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=6), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    visits, st.lists(st.tuples(st.integers(0, 9), st.sampled_from(KINDS), st.integers(0, 5000)), max_size=8)
)
def test_whatever_happened_each_suggestion_has_its_reason(
    happened: list[list[int]], mine: list[tuple[int, str, int]]
) -> None:
    """Also for products that the model does not know (8 and 9), and for nothing at all."""
    features = (
        [lamp("a")] * 3 + [lamp("b")] * 2 + [Features.of("tables", {}, 100 * n, "EUR") for n in range(3)]
    )
    model = made(goods(*features), happened)
    history = [Seen(UUID(int=p), kind, NOW - timedelta(minutes=m)) for p, kind, m in mine]  # type: ignore[arg-type]
    history.sort(key=lambda each: each.at, reverse=True)
    left_out = {each.product for each in history[:2]}
    found = suggest(model, signals(history, [], NOW), "home", left_out, 5)
    products = [each.product for each in found]
    assert len(products) == len(set(products)) <= 5
    assert left_out.isdisjoint(products)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    known = {
        each.product: {other.kind for other in history if other.product == each.product} for each in history
    }
    for each in found:
        assert each.score > 0
        match each.why:
            case "because_bought":
                assert each.because is not None
                assert "order" in known[each.because]
            case "because_viewed":
                assert each.because is not None
                assert known[each.because] & {"view", "cart"}
            case why:
                assert (why, each.because) == ("popular", None)


def test_a_cart_and_an_order_count_as_a_view_does_at_least() -> None:
    products = goods(*(lamp(brand) for brand in "abcd"))
    log = material(products, [[0, 1], [0, 1], [0, 1], [0, 2], [0, 2], [0, 2]])
    for kind in (CART, ORDER):
        kinds = np.where(log.log.product == 2, kind, VIEW)
        changed = Log(log.log.actor, log.log.product, kinds, log.log.occasion, log.log.at)
        model = Model(build(Material(changed, products, log.parents, log.now)))
        assert suggested(model, seen(0))[0] == 2
