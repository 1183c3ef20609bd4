"""The rules of a cart."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_cart import domain
from shop_cart.domain import (
    NO_REDUCTIONS,
    KeyReused,
    Knowledge,
    MixedCurrency,
    Product,
    Reductions,
    StoredCart,
    TooMuch,
)
from shop_contracts.cart.api import MAX_LINES, MAX_QUANTITY, Cart, CartCoupon, LeftOut, PriceChange
from shop_contracts.money import Money

from .conftest import quantities_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def uid(name: str) -> UUID:
    return uuid5(NAMESPACE_OID, name)


def product(name: str, amount: int = 100, currency: str = "EUR", *, available: bool = True) -> Product:
    return Product(
        id=uid(name), title=name, price=Money(amount=amount, currency=currency), available=available
    )


def cart_of(**quantities: int) -> StoredCart:
    cart = StoredCart()
    for name, quantity in quantities.items():
        cart = domain.put(cart, product(name), quantity, NOW)
    return cart


def seen(
    cart: StoredCart,
    *products: Product,
    as_of: datetime = LATER,
    stale: bool = False,
    reductions: Reductions = NO_REDUCTIONS,
) -> Cart:
    known = Knowledge({product.id: product for product in products}, as_of, stale)
    return domain.priced(cart, known, "c1", LATER, reductions)


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def test_adding_adds_and_keeps_the_order_of_lines() -> None:
    cart = domain.add(cart_of(a=2, b=1), product("a"), 3, NOW)
    assert list(quantities_of(cart).items()) == [("a", 5), ("b", 1)]


def test_putting_replaces() -> None:
    assert quantities_of(domain.put(cart_of(a=2), product("a"), 3, NOW)) == {"a": 3}


def test_setting_the_quantity_of_a_line_that_went_away_does_nothing() -> None:
    assert domain.set_quantity(cart_of(a=2), uid("b"), 3) == cart_of(a=2)


def test_an_addition_with_the_same_key_counts_once() -> None:
    cart = domain.add(StoredCart(), product("a"), 1, NOW, key="k")
    assert domain.add(cart, product("a"), 1, NOW, key="k") == cart
    assert quantities_of(domain.add(cart, product("a"), 1, NOW, key="other")) == {"a": 2}


def test_a_key_belongs_to_one_request() -> None:
    cart = domain.add(StoredCart(), product("a"), 1, NOW, key="k")
    with pytest.raises(KeyReused, match="'k' was used for another request"):
        domain.add(cart, product("a"), 2, NOW, key="k")


def test_only_so_many_keys_are_kept() -> None:
    cart = StoredCart()
    for number in range(90):
        cart = domain.add(cart, product("a"), 1, NOW, key=f"k{number}")
    assert len(cart.keys) == domain.KEPT_KEYS
    assert domain.add(cart, product("a"), 1, NOW, key="k89") == cart


def test_limits() -> None:
    with pytest.raises(TooMuch, match=f"100 pieces of a: a cart takes at most {MAX_QUANTITY}"):
        domain.add(cart_of(a=MAX_QUANTITY), product("a"), 1, NOW)
    full = cart_of(**{f"p{number}": 1 for number in range(MAX_LINES)})
    with pytest.raises(TooMuch, match=f"at most {MAX_LINES} different products"):
        domain.add(full, product("one more"), 1, NOW)
    assert quantities_of(domain.add(full, product("p0"), 1, NOW))["p0"] == 2


def test_one_currency() -> None:
    with pytest.raises(MixedCurrency, match="b is sold in USD, the cart is in EUR"):
        domain.add(cart_of(a=1), product("b", currency="USD"), 1, NOW)
    alone = domain.put(cart_of(a=1), product("a", currency="USD"), 1, NOW)
    assert alone.currency == "USD", "a product that is alone may change its own"
    emptied = domain.remove(cart_of(a=1), uid("a"))
    assert quantities_of(domain.add(emptied, product("b", currency="USD"), 1, NOW)) == {"b": 1}


def test_totals_at_present_prices_and_what_changed() -> None:
    view = seen(cart_of(a=2, b=1), product("a", 150), product("b"))
    assert view.total == Money(amount=400, currency="EUR")
    assert view.item_count == 3
    changed, same = view.lines
    assert changed.price_change == PriceChange(
        old=Money(amount=100, currency="EUR"), new=Money(amount=150, currency="EUR")
    )
    assert (changed.unit_price.amount, changed.total.amount) == (150, 300)
    assert same.price_change is None
    assert (view.stale, view.as_of) == (False, LATER)


def test_touching_a_line_takes_over_the_present_price() -> None:
    cart = domain.add(cart_of(a=1), product("a", 150), 1, LATER)
    assert seen(cart, product("a", 150)).lines[0].price_change is None


@pytest.mark.parametrize("now_known", [[], [product("a", available=False)], [product("a", currency="USD")]])
def test_what_cannot_be_bought_stays_visible_and_is_not_counted(now_known: list[Product]) -> None:
    view = seen(cart_of(a=2, b=1), product("b"), *now_known)
    assert [line.available for line in view.lines] == [False, True]
    assert view.total == Money(amount=100, currency="EUR")
    assert view.item_count == 1


def test_discounts_are_shown_by_line_and_taken_off_the_total() -> None:
    off = {uid("a"): euros(30), uid("gone"): euros(7)}
    coupon = CartCoupon(code="TEN", discount=euros(20))
    view = seen(cart_of(a=2, b=1), product("a"), product("b"), reductions=Reductions(off, coupon))
    assert (view.subtotal, view.discount, view.total) == (euros(300), euros(30), euros(270))
    assert [(line.total, line.discount) for line in view.lines] == [
        (euros(200), euros(30)),
        (euros(100), None),
    ]
    assert (view.coupon, view.stale) == (coupon, False)
    full = seen(cart_of(a=2), product("a"), reductions=Reductions({uid("a"): euros(200)}))
    assert full.total == euros(0)


def test_missing_discounts_are_said_and_the_coupon_stays_in_sight() -> None:
    view = seen(domain.with_coupon(cart_of(a=1), "TEN"), product("a"), reductions=Reductions(missing=True))
    assert (view.stale, view.total, view.discount) == (True, euros(100), None)
    assert view.coupon == CartCoupon(code="TEN")


@pytest.mark.parametrize(
    ("in_stock", "available", "changed"),
    [(None, True, False), (2, True, False), (1, True, True), (0, False, True)],
)
def test_what_is_in_stock_is_shown(in_stock: int | None, available: bool, changed: bool) -> None:
    lamp = product("a").model_copy(update={"in_stock": in_stock})
    view = seen(cart_of(a=2), lamp)
    [line] = view.lines
    assert (line.in_stock, line.available, line.changed, view.changed) == (
        in_stock,
        available,
        changed,
        changed,
    )
    assert (view.total is None) == (not available)


def test_a_change_of_price_or_a_withdrawal_is_a_change() -> None:
    for now in (product("a", 150), product("a", available=False), product("a", currency="USD")):
        assert seen(cart_of(a=1, b=1), now, product("b")).changed
    assert not seen(cart_of(a=1), product("a")).changed


def test_a_merge_keeps_the_users_coupon_or_takes_the_guests() -> None:
    guest = domain.with_coupon(cart_of(a=1), "GUEST")
    assert domain.merge(cart_of(b=1), guest)[0].coupon == "GUEST"
    assert domain.merge(domain.with_coupon(cart_of(b=1), "MINE"), guest)[0].coupon == "MINE"
    assert domain.with_coupon(guest, None).coupon is None


def test_empty_cart_has_no_total() -> None:
    assert seen(StoredCart()).total is None
    assert seen(cart_of(a=1)).total is None


def test_stale_knowledge_falls_back_to_the_line_and_says_how_old_it_is() -> None:
    remembered = LATER - timedelta(minutes=5)
    view = seen(cart_of(a=1, b=1), product("a", 150), as_of=remembered, stale=True)
    assert view.stale
    assert view.as_of == NOW, "the line of b is the oldest"
    assert [(line.unit_price.amount, line.available) for line in view.lines] == [(150, True), (100, True)]
    assert seen(cart_of(a=1), product("a"), as_of=remembered, stale=True).as_of == remembered


def test_merge_adds_and_names_what_does_not_fit() -> None:
    mine = cart_of(a=98, b=1)
    guest = cart_of(a=3, c=2)
    merged, left_out = domain.merge(mine, guest)
    assert quantities_of(merged) == {"a": MAX_QUANTITY, "b": 1, "c": 2}
    assert left_out == [LeftOut(product_id=uid("a"), quantity=2, reason="too_many_pieces")]


def test_merge_with_another_currency_or_too_many_lines_leaves_out() -> None:
    dollars = domain.put(StoredCart(), product("d", currency="USD"), 2, NOW)
    assert domain.merge(cart_of(a=1), dollars)[1][0].reason == "other_currency"
    full = cart_of(**{f"p{number}": 1 for number in range(MAX_LINES)})
    assert domain.merge(full, cart_of(x=1))[1][0].reason == "too_many_lines"
    assert quantities_of(domain.merge(full, cart_of(p0=1))[0])["p0"] == 2


def test_merge_keeps_the_newer_price() -> None:
    guest = domain.put(StoredCart(), product("a", 150), 1, LATER)
    for merged, _ in (domain.merge(cart_of(a=1), guest), domain.merge(guest, cart_of(a=1))):
        assert merged.lines[0].price.amount == 150


lines = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, MAX_QUANTITY))
currencies = st.sampled_from(["EUR", "USD"])


@given(mine=lines, guest=lines, my_currency=currencies, guest_currency=currencies)
def test_a_merge_loses_no_piece(
    mine: dict[str, int], guest: dict[str, int], my_currency: str, guest_currency: str
) -> None:
    carts = []
    for content, currency in ((mine, my_currency), (guest, guest_currency)):
        cart = StoredCart()
        for id, quantity in content.items():
            cart = domain.put(cart, product(id, currency=currency), quantity, NOW)
        carts.append(cart)
    merged, left_out = domain.merge(*carts)
    pieces = sum(quantities_of(merged).values()) + sum(left.quantity for left in left_out)
    assert pieces == sum(mine.values()) + sum(guest.values())
    assert all(0 < quantity <= MAX_QUANTITY for quantity in quantities_of(merged).values())
    assert len({line.price.currency for line in merged.lines}) <= 1
    assert all(left.quantity > 0 for left in left_out)
    assert set(quantities_of(merged)) >= set(mine)


@given(
    prices=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**9), min_size=1),
    quantity=st.integers(1, MAX_QUANTITY),
)
def test_the_total_is_exact(prices: dict[str, int], quantity: int) -> None:
    cart = cart_of(**dict.fromkeys(prices, quantity))
    total = seen(cart, *(product(id, amount) for id, amount in prices.items())).total
    assert total == Money(amount=sum(prices.values()) * quantity, currency="EUR")
