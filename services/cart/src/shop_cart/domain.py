"""What a cart is and how it changes: pure functions, no I/O. Prices come in as `Knowledge` of catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from shop_contracts.cart.api import MAX_LINES, MAX_QUANTITY, Cart, CartCoupon, LeftOut, Line, PriceChange
from shop_contracts.money import Money, sum_of

Obstacle = Literal["other_currency", "too_many_lines", "too_many_pieces"]

KEPT_KEYS = 32
"""So many additions are remembered by their idempotency key; a repetition comes within seconds."""


class CartError(Exception):
    """The change is not possible; the message says why and what to do."""


class TooMuch(CartError):  # noqa: N818 - named as the rule that it states
    """A limit of the cart would be passed."""


class MixedCurrency(CartError):  # noqa: N818
    """A cart has one currency."""


class KeyReused(CartError):  # noqa: N818
    """An idempotency key came back with another request."""


class Product(BaseModel):
    """What the cart needs to know of a product."""

    id: UUID
    title: str
    price: Money
    available: bool
    """Whether catalog sells it."""
    in_stock: int | None = None
    """Pieces; None: not known."""


class StoredLine(BaseModel):
    """A line with what was true of its product when the shopper last touched it."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID
    quantity: int
    title: str
    price: Money
    priced_at: AwareDatetime


class StoredCart(BaseModel):
    """A cart as it is kept; never changed, only replaced."""

    model_config = ConfigDict(frozen=True)

    lines: tuple[StoredLine, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    """The latest additions: idempotency key, and product and quantity it came with."""
    coupon: str | None = None
    """Its code; what it does is asked each time."""
    merged_into: str | None = None
    """Where the user's cart is kept that a guest's has gone into; nothing else is left of it then."""

    def line(self, product_id: UUID) -> StoredLine | None:
        """The line of a product, if there is one."""
        return next((line for line in self.lines if line.product_id == product_id), None)

    @property
    def currency(self) -> str | None:
        """The one currency of its prices; None while it is empty."""
        return self.lines[0].price.currency if self.lines else None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of products, since when, and whether catalog itself said so just now."""

    products: Mapping[UUID, Product]
    as_of: datetime
    stale: bool = False
    """Catalog did not answer: this is what it said last."""


@dataclass(frozen=True, slots=True)
class Reductions:
    """What is taken off the lines of a cart, as catalog says."""

    off: Mapping[UUID, Money] = field(default_factory=dict)
    """By product, promotions and coupon together."""
    coupon: CartCoupon | None = None
    missing: bool = False
    """Catalog did not answer: there may be more."""


NO_REDUCTIONS = Reductions()


def add(
    cart: StoredCart, product: Product, quantity: int, at: datetime, key: str | None = None
) -> StoredCart:
    """Put `quantity` more of a product into the cart; nothing changes when `key` was applied before.

    `at` is when the product was as given. Raises TooMuch, MixedCurrency, KeyReused.
    """
    request = f"{product.id} {quantity}"
    if key is not None and (before := dict(cart.keys).get(key)) is not None:
        if before != request:
            raise KeyReused(f"Idempotency-Key {key!r} was used for another request; make a new one for each")
        return cart
    line = cart.line(product.id)
    changed = put(cart, product, quantity + (line.quantity if line else 0), at)
    if key is None:
        return changed
    return changed.model_copy(update={"keys": (*cart.keys, (key, request))[-KEPT_KEYS:]})


def put(cart: StoredCart, product: Product, quantity: int, at: datetime) -> StoredCart:
    """Make it exactly `quantity` of a product, at its present price. Raises TooMuch, MixedCurrency."""
    if quantity > MAX_QUANTITY:
        raise TooMuch(
            f"{quantity} pieces of {product.title}: a cart takes at most {MAX_QUANTITY} of one product"
        )
    others = remove(cart, product.id)
    if others.currency not in (None, product.price.currency):
        raise MixedCurrency(
            f"{product.title} is sold in {product.price.currency}, the cart is in {others.currency}; "
            "order what is in the cart first, or remove it"
        )
    if len(others.lines) >= MAX_LINES:
        raise TooMuch(f"a cart takes at most {MAX_LINES} different products; remove one first")
    return _with(
        cart,
        StoredLine(
            product_id=product.id, quantity=quantity, title=product.title, price=product.price, priced_at=at
        ),
    )


def set_quantity(cart: StoredCart, product_id: UUID, quantity: int) -> StoredCart:
    """Change the quantity of a line; nothing happens when the line has gone meanwhile."""
    line = cart.line(product_id)
    return cart if line is None else _with(cart, line.model_copy(update={"quantity": quantity}))


def remove(cart: StoredCart, product_id: UUID) -> StoredCart:
    """Take a product out; one that is not there is no error."""
    return cart.model_copy(
        update={"lines": tuple(line for line in cart.lines if line.product_id != product_id)}
    )


def with_coupon(cart: StoredCart, code: str | None) -> StoredCart:
    """The cart with this coupon instead of the one that it had; None takes it off."""
    return cart.model_copy(update={"coupon": code})


def merge(cart: StoredCart, guest: StoredCart) -> tuple[StoredCart, list[LeftOut]]:
    """A user's cart with a guest's added. Signing in must not fail: what does not fit is left out.

    The guest's coupon comes along unless the user's cart has one.
    """
    cart = with_coupon(cart, cart.coupon or guest.coupon)
    left_out: list[LeftOut] = []
    for line in guest.lines:
        mine = cart.line(line.product_id)
        had = mine.quantity if mine else 0
        taken = min(line.quantity, _room(cart, line))
        if taken:
            newer = mine if mine is not None and mine.priced_at > line.priced_at else line
            cart = _with(cart, newer.model_copy(update={"quantity": had + taken}))
        if taken < line.quantity:
            left_out.append(
                LeftOut(
                    product_id=line.product_id, quantity=line.quantity - taken, reason=_obstacle(cart, line)
                )
            )
    return cart, left_out


def lines_of(cart: StoredCart, known: Knowledge) -> list[Line]:
    """What is in the cart at the prices that are known now, before discounts."""
    return [_line(line, known, cart.currency) for line in cart.lines]


def priced(
    cart: StoredCart,
    known: Knowledge,
    cart_id: str,
    expires_at: datetime,
    reductions: Reductions = NO_REDUCTIONS,
) -> Cart:
    """The cart as its shopper sees it."""
    lines = [
        line.model_copy(update={"discount": reductions.off.get(line.product_id)})
        for line in lines_of(cart, known)
    ]
    bought = [line for line in lines if line.available]
    subtotal = _sum([line.total for line in bought])
    discount = _sum([line.discount for line in bought if line.discount is not None])
    # What is remembered nowhere else is as old as the line itself.
    unknown = [line.priced_at for line in cart.lines if line.product_id not in known.products]
    return Cart(
        id=cart_id,
        lines=lines,
        item_count=sum(line.quantity for line in bought),
        subtotal=subtotal,
        discount=discount,
        total=subtotal - discount if subtotal is not None and discount is not None else subtotal,
        coupon=reductions.coupon or (CartCoupon(code=cart.coupon) if cart.coupon else None),
        changed=any(line.changed for line in lines),
        stale=known.stale or reductions.missing,
        as_of=min([known.as_of, *unknown]) if known.stale else known.as_of,
        expires_at=expires_at,
    )


def _line(line: StoredLine, known: Knowledge, currency: str | None) -> Line:
    product = known.products.get(line.product_id)
    if product is None:
        title, price, available, in_stock = line.title, line.price, known.stale, None
    else:
        title, price, in_stock = product.title, product.price, product.in_stock
        available = product.available and in_stock != 0 and price.currency == currency
    enough = available and (in_stock is None or in_stock >= line.quantity)
    return Line(
        product_id=line.product_id,
        title=title,
        quantity=line.quantity,
        unit_price=price,
        total=price * line.quantity,
        available=available,
        in_stock=in_stock,
        price_change=None if price == line.price else PriceChange(old=line.price, new=price),
        changed=price != line.price or not enough,
    )


def _sum(amounts: list[Money]) -> Money | None:
    return sum_of(amounts, amounts[0].currency) if amounts else None


def _with(cart: StoredCart, line: StoredLine) -> StoredCart:
    """The cart with this line in the place of the one with the same product, or at the end."""
    if cart.line(line.product_id) is None:
        return cart.model_copy(update={"lines": (*cart.lines, line)})
    return cart.model_copy(
        update={"lines": tuple(line if old.product_id == line.product_id else old for old in cart.lines)}
    )


def _room(cart: StoredCart, line: StoredLine) -> int:
    """How many pieces of a guest's line a cart can take."""
    mine = cart.line(line.product_id)
    if _obstacle(cart, line) in ("other_currency", "too_many_lines"):
        return 0
    return MAX_QUANTITY - (mine.quantity if mine else 0)


def _obstacle(cart: StoredCart, line: StoredLine) -> Obstacle:
    if cart.currency not in (None, line.price.currency):
        return "other_currency"
    if cart.line(line.product_id) is None and len(cart.lines) >= MAX_LINES:
        return "too_many_lines"
    return "too_many_pieces"
