"""Invoices: numbered without gaps within a year, kept as issued, shown as a page."""

from datetime import datetime
from html import escape

from shop_chassis.events.dialect import insert
from shop_contracts.address import Address
from shop_contracts.money import Money
from shop_contracts.order_processing.api import Order
from sqlalchemy.ext.asyncio import AsyncSession

from shop_order_processing.case import Case
from shop_order_processing.tables import InvoiceCounter, InvoiceRow

_NO_MINOR_UNIT = frozenset({"CLP", "ISK", "JPY", "KRW", "VND", "XAF", "XOF"})
_THREE_DIGITS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""ISO 4217: the currencies whose minor unit is not a hundredth."""


async def issue(session: AsyncSession, case: Case, now: datetime) -> Case:
    """Gives the order its number, if it has none.

    The year's counter is locked until the transaction ends: a number is taken if and only if its invoice is
    there, and invoices of one year are issued one after the other.
    """
    if case.invoice is not None:
        return case
    counter = InvoiceCounter.__table__  # type: ignore[attr-defined]
    first = insert(session, counter).values(year=now.year, last=1)
    counted = first.on_conflict_do_update(
        index_elements=[counter.c.year], set_={"last": counter.c.last + 1}
    ).returning(counter.c.last)
    number = (await session.execute(counted)).scalar_one()
    numbered = case.but(invoice=f"{now.year}-{number:06}")
    content = numbered.order().model_dump(mode="json")
    session.add(InvoiceRow(order_id=case.id, year=now.year, number=number, issued_at=now, content=content))
    return numbered


def page(order: Order, issued_at: datetime) -> str:
    """The invoice as HTML, complete in itself and fit to print."""
    rows = "\n".join(
        f"<tr><td>{escape(line.sku)}</td><td>{escape(line.title)}</td><td class=n>{line.quantity}</td>"
        f"<td class=n>{amount(line.unit_price)}</td><td class=n>{amount(line.discount)}</td>"
        f"<td class=n>{amount(line.tax)}</td><td class=n>{amount(line.total)}</td></tr>"
        for line in order.lines
    )
    sums = [("Subtotal", order.subtotal), ("Discount", -order.discount), ("Shipping", order.shipping)]
    contained = order.prices_include_tax
    sums += [("Tax contained" if contained else "Tax", order.tax), ("Total", order.total)]
    figures = "\n".join(
        f"<tr><th colspan=6>{name}</th><td class=n>{amount(money)}</td></tr>" for name, money in sums
    )
    return f"""<!doctype html>
<html lang="{escape(order.locale, quote=True)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Invoice {escape(order.invoice or "")}</title>
<style>
body {{ font: 14px/1.4 sans-serif; margin: 2em auto; max-width: 50em; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .3em; text-align: left; }}
.n, tbody + tbody th {{ text-align: right; }}
.n {{ font-variant-numeric: tabular-nums; }}
address {{ display: inline-block; margin-right: 4em; vertical-align: top; }}
</style>
<main>
<h1>Invoice {escape(order.invoice or "")}</h1>
<p>Issued {issued_at:%Y-%m-%d}, order {order.id} of {order.placed_at:%Y-%m-%d}, paid.</p>
<address><strong>Billed to</strong><br>{_lines(order.billing_address)}</address>
<address><strong>Sent to</strong><br>{_lines(order.shipping_address)}</address>
<table>
<thead><tr><th>Number</th><th>Article</th><th class=n>Pieces</th><th class=n>Price</th>
<th class=n>Discount</th><th class=n>Tax</th><th class=n>Total</th></tr></thead>
<tbody>
{rows}
</tbody>
<tbody>
{figures}
</tbody>
</table>
</main>
</html>
"""


def amount(money: Money) -> str:
    """With the digits that its currency has: 19.99 EUR, 1999 JPY."""
    digits = 0 if money.currency in _NO_MINOR_UNIT else 3 if money.currency in _THREE_DIGITS else 2
    sign, whole = "-" if money.amount < 0 else "", str(abs(money.amount)).rjust(digits + 1, "0")
    text = f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole
    return f"{sign}{text} {money.currency}"


def _lines(address: Address) -> str:
    parts = [
        address.name,
        address.line1,
        address.line2,
        f"{address.postal_code} {address.city}".strip(),
        address.region,
        address.country,
    ]
    return "<br>".join(escape(part) for part in parts if part)
