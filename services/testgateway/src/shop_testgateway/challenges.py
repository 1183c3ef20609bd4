"""The page of 3-D Secure: what a bank shows to a shopper. Its address is a secret, so it needs no key."""

from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.testgateway.api import Charge

from shop_testgateway.domain import ACTION_REQUIRED
from shop_testgateway.store import Gateway, Unknown

router = APIRouter(prefix="/challenges", tags=["challenges"], responses=documented(404))
Store = Annotated[Gateway, provided(Gateway)]
Challenge = Annotated[str, Path(max_length=64)]

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Confirm your payment</title>
<style>body{{font:16px system-ui;max-width:24em;margin:4em auto}}button{{font:inherit}}</style>
<h1>{title}</h1>
<p>{amount} {currency} · {reference}</p>
{below}
"""
_BUTTONS = """<form method="post">
<button formaction="/challenges/{id}:complete?outcome=approved">Approve</button>
<button formaction="/challenges/{id}:complete?outcome=denied">Deny</button>
</form>"""


@router.get("/{id}", response_class=HTMLResponse)
async def show(gateway: Store, id: Challenge) -> HTMLResponse:
    """Asks the shopper."""
    try:
        return _page(await gateway.challenged(id), id)
    except Unknown as error:
        raise Problem(404, str(error)) from error


@router.post(
    "/{id}:complete",
    response_class=HTMLResponse,
    responses={303: {"description": "Back to the shop, where the charge has a `return_url`"}},
)
async def complete(
    gateway: Store, id: Challenge, outcome: Annotated[Literal["approved", "denied"], Query()] = "approved"
) -> Response:
    """The shopper's answer; the first one counts."""
    try:
        charge = await gateway.complete(id, outcome == "approved")
    except Unknown as error:
        raise Problem(404, str(error)) from error
    if back := await gateway.return_url(id):
        return RedirectResponse(back, 303)
    return _page(charge, id)


_WITHOUT_CENTS = frozenset({"JPY", "KRW", "CLP", "VND", "ISK", "XAF", "XOF", "XPF"})


def _decimal(amount: int, currency: str) -> str:
    return str(amount) if currency in _WITHOUT_CENTS else f"{amount // 100}.{amount % 100:02}"


def _page(charge: Charge, id: str) -> HTMLResponse:
    waits = charge.status == ACTION_REQUIRED
    text = _PAGE.format(
        title="Confirm your payment" if waits else f"The payment is {charge.status}",
        amount=_decimal(charge.amount, charge.currency),
        currency=charge.currency,
        reference=escape(charge.reference),
        below=_BUTTONS.format(id=escape(id)) if waits else "<p>You can close this page.</p>",
    )
    return HTMLResponse(text, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
