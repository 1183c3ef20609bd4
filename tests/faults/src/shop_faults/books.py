"""What is read of those who are believed: the gateway's own charges, and the count of the shelves.

And one last look at the shop window, as everybody sees it.
"""

from collections import Counter
from collections.abc import Iterable

from shop_contracts.testgateway.api import Charge, ChargeList
from shop_contracts.warehouse.api import StockPage

from shop_faults.desk import Desk

WHO = "checker"


async def charges(desk: Desk) -> list[Charge]:
    """All of them, as the gateway keeps them."""
    found: list[Charge] = []
    after: dict[str, str] = {}
    while True:
        answer = await desk.insist(
            WHO, "testgateway", "GET", "/v1/charges", token=desk.gateway_key, params={"limit": 100, **after}
        )
        page = ChargeList.model_validate(answer.body)
        found += page.items
        if page.next is None:
            return found
        after = {"after": page.next}


async def counted(desk: Desk) -> dict[str, int]:
    """Pieces on the shelves by product, over all warehouses."""
    found: Counter[str] = Counter()
    after: dict[str, str] = {}
    while True:
        answer = await desk.insist(
            WHO,
            "warehouse",
            "GET",
            "/admin/stock",
            token=desk.admin("warehouse"),
            params={"limit": 100, **after},
        )
        page = StockPage.model_validate(answer.body)
        for stock in page.items:
            found[str(stock.product_id)] += stock.on_hand
        if page.next is None:
            return dict(found)
        after = {"after": page.next}


async def look(desk: Desk, products: Iterable[str]) -> None:
    """At each product as a visitor; what is shown is in the journal."""
    for product in products:
        await desk.insist("visitor", "catalog", "GET", f"/products/{product}")
