"""What a service that keeps a copy of stock begins with."""

from uuid import uuid4

import httpx
import pytest
from shop_contracts.warehouse.events import STOCK_CHANGED
from shop_contracts.warehouse.snapshot import SNAPSHOT, StockLine
from shop_warehouse import snapshot

from .conftest import Shop


@pytest.mark.parametrize("piece", [1, 2, 500])
async def test_it_has_all_stock_with_the_sequence_of_its_last_event(
    shop: Shop, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PIECE", piece)
    one, two = await shop.product(5), await shop.product(0)
    await shop.product(3, warehouse="lyon", id=one)
    await shop.hold(uuid4(), {one: 2})
    headers = shop.accounts.headers("search", "warehouse")
    async with httpx.AsyncClient(transport=shop.http._transport, base_url="http://warehouse") as search:
        answer = await search.get(SNAPSHOT, headers=headers)
        assert (await search.get(SNAPSHOT)).status_code == 401
    *stock, end = [StockLine.model_validate_json(line) for line in answer.content.splitlines()]
    assert end.end == 2
    told = {event.subject: event.sequence for event in await shop.events()}
    assert {line.product_id: (line.available, line.sequence) for line in stock} == {
        one: (6, told[str(one)]),
        two: (0, told.get(str(two), 0)),
    }
    changes = [event for event in await shop.events(STOCK_CHANGED) if event.subject == str(one)]
    assert changes[-1].data["available"] == 6
