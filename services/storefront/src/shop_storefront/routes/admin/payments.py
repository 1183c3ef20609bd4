"""Payments, refunds and the ledger; shown, not changed: an order's saga takes money and gives it back."""

from asyncio import gather
from typing import Annotated

from fastapi import Path, Response
from shop_contracts.money import Money
from shop_contracts.payment.api import STATES, Balance, Balances, EntryPage, PaymentDetails, PaymentPage

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin.desk import PAGE, desk
from shop_storefront.routes.admin.orders import as_id
from shop_storefront.visit import VisitDep

router = pages()
Payments = Annotated[Desk, desk("payment")]
OrderId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


@router.get("/admin/payments")
async def list_payments(visit: VisitDep, payments: Payments) -> Response:
    """Newest first, of one state if wished; and what the ledger adds up to."""
    query = visit.request.query_params
    if (id := as_id(query.get("id", ""))) is not None:
        return visit.to(f"/admin/payments/{id}")
    state, after = query.get("state", ""), query.get("after")
    state = state if state in STATES else ""
    given = {name: value for name, value in (("state", state), ("after", after)) if value}
    page, balances = await gather(
        payments.call("GET", "/admin/payments", params=given | {"limit": PAGE}, into=PaymentPage),
        visit.site.parts.ask("balances", payments.call("GET", "/admin/ledger/balances", into=Balances)),
    )
    return await visit.page(
        "pages/admin/payments/list.html",
        page=page,
        state=state,
        states=STATES,
        after=after,
        balances=[(each.account, amount_of(each)) for each in balances.value.items]
        if balances.value
        else None,
        sought=query.get("id", ""),
    )


@router.get("/admin/payments/{id}")
async def read_payment(visit: VisitDep, payments: Payments, id: OrderId) -> Response:
    """One, with what was asked of the gateway and what it did to the ledger."""
    params = {"order_id": id, "limit": 100}
    payment, entries = await gather(
        payments.call("GET", "/admin/payments/{id}", path={"id": id}, into=PaymentDetails),
        visit.site.parts.ask(
            "ledger", payments.call("GET", "/admin/ledger/entries", params=params, into=EntryPage)
        ),
    )
    return await visit.page(
        "pages/admin/payments/payment.html",
        payment=payment,
        entries=entries.value,
        is_order=as_id(id) is not None,
    )


def amount_of(balance: Balance) -> Money:
    """Of an account; debits count positive."""
    return Money(amount=balance.amount, currency=balance.currency)
