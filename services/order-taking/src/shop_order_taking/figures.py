"""What an order comes to: pure, in whole minor units, rounded line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shop_contracts.money import Money, sum_of
from shop_contracts.order_taking.api import SHIPPING, Figures, OrderLine

from shop_order_taking.tax import TaxRules, rate, tax


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many pieces of a product as catalog has it now."""

    product_id: UUID
    sku: str
    title: str
    category: str
    weight_grams: int
    unit_price: Money
    quantity: int


def figures(
    wanted: Sequence[Wanted], discounts: Mapping[UUID, int], shipping: Money, rules: TaxRules, region: str
) -> Figures:
    """All that `Figures` promises. `discounts` are per product and never take more than its line costs.

    There is at least one line, and all prices are in the currency of `shipping`.
    """
    currency = shipping.currency
    lines = [_line(each, discounts.get(each.product_id, 0), rules, region) for each in wanted]
    shipping_tax = Money(
        amount=tax(shipping.amount, rate(rules, region, SHIPPING), included=rules.prices_include_tax),
        currency=currency,
    )
    total = sum_of((line.total for line in lines), currency) + shipping
    return Figures(
        lines=lines,
        subtotal=sum_of((line.unit_price * line.quantity for line in lines), currency),
        discount=sum_of((line.discount for line in lines), currency),
        shipping=shipping,
        shipping_tax=shipping_tax,
        tax=sum_of((line.tax for line in lines), currency) + shipping_tax,
        total=total if rules.prices_include_tax else total + shipping_tax,
        prices_include_tax=rules.prices_include_tax,
    )


def _line(wanted: Wanted, discount: int, rules: TaxRules, region: str) -> OrderLine:
    price = wanted.unit_price * wanted.quantity
    off = Money(amount=max(0, min(discount, price.amount)), currency=price.currency)
    net = price - off
    basis_points = rate(rules, region, wanted.category)
    taxed = Money(
        amount=tax(net.amount, basis_points, included=rules.prices_include_tax), currency=price.currency
    )
    return OrderLine(
        product_id=wanted.product_id,
        sku=wanted.sku,
        title=wanted.title,
        quantity=wanted.quantity,
        unit_price=wanted.unit_price,
        discount=off,
        tax=taxed,
        total=net if rules.prices_include_tax else net + taxed,
        weight_grams=wanted.weight_grams,
    )
