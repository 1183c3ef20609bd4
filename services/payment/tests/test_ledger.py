"""The ledger is append-only, balances, and can be read."""

from typing import Any

import pytest
from shop_payment.books import post
from shop_payment.ledger import Posting
from shop_payment.tables import PaymentRow
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount = amount + 1",
        "UPDATE ledger_entry SET account = 'x' WHERE id = 1",
        "DELETE FROM ledger_entry",
        "UPDATE ledger_posting SET kind = 'x'",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_entry, ledger_posting",
    ],
)
async def test_nobody_changes_it(shop: Any, statement: str) -> None:
    await shop.captured()
    before = (await shop.admin.get("/admin/ledger/entries")).json()
    expected = "append-only"
    if statement.startswith("TRUNCATE") and shop.runtime.store.engine.dialect.name == "sqlite":
        expected = "syntax error"  # SQLite has no such thing
    with pytest.raises(DBAPIError, match=expected):
        async with shop.runtime.store.transaction() as session:
            await session.execute(text(statement))
    assert (await shop.admin.get("/admin/ledger/entries")).json() == before


async def test_the_same_thing_is_posted_once(shop: Any) -> None:
    await shop.captured()
    with pytest.raises(IntegrityError):
        await _posted(shop, Posting("receipt", "", (("gateway:test", 1), ("customers", -1))))


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
async def test_postgresql_itself_refuses_what_does_not_balance(shop: Any) -> None:
    await shop.pay()
    unequal = Posting("correction", "", (("sales", 1), ("tax", -1)))
    object.__setattr__(unequal, "entries", (("sales", 1), ("tax", -2)))
    with pytest.raises(DBAPIError, match="does not sum to zero"):
        await _posted(shop, unequal)


async def _posted(shop: Any, posting: Posting) -> None:
    async with shop.runtime.store.transaction() as session:
        payment = await session.get_one(PaymentRow, "order-1")
        await post(session, payment, [posting], payment.created_at)


async def test_entries_are_read_by_page_account_and_order(shop: Any) -> None:
    for order in ("order-1", "order-2"):
        await shop.captured(order)
    found: list[dict[str, Any]] = []
    after = None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        page = (await shop.admin.get("/admin/ledger/entries", params=query)).json()
        found += page["items"]
        if not (after := page["next"]):
            break
    assert [entry["id"] for entry in found] == sorted({entry["id"] for entry in found})
    assert len(found) == 16
    assert sum(entry["amount"]["amount"] for entry in found) == 0
    assert [(e["order_id"], e["kind"], e["account"], e["amount"]["amount"]) for e in found[:4]] == [
        ("order-1", "receipt", "gateway:test", 5900),
        ("order-1", "receipt", "customers", -5900),
        ("order-1", "sale", "customers", 5900),
        ("order-1", "sale", "sales", -4468),
    ]
    for params, count in [({"account": "tax"}, 2), ({"order_id": "order-2"}, 8), ({"account": "x"}, 0)]:
        page = (await shop.admin.get("/admin/ledger/entries", params=params)).json()
        assert len(page["items"]) == count
    balances = (await shop.admin.get("/admin/ledger/balances")).json()["items"]
    assert {each["account"]: each["entries"] for each in balances} == {
        "customers": 4,
        "fees": 2,
        "gateway:test": 4,
        "sales": 2,
        "shipping": 2,
        "tax": 2,
    }
