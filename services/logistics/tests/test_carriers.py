"""What moves shipments on: the carriers' reports, and the demo carrier."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_chassis.tables import utc_now
from shop_contracts.logistics.api import CARRIER_SIGNATURE, CarrierReport
from shop_logistics.demo import DemoCarrier
from shop_logistics.reports import sign

from .conftest import SECRET, problem, request

HEAVY = {"lines": [request()["lines"][0] | {"weight_grams": 15_000}]}
"""Goes with paketpost, whose secret is known."""


def body(tracking_number: str, state: str, id: str = "1", **more: Any) -> bytes:
    said = {"id": id, "tracking_number": tracking_number, "state": state, "at": utc_now(), "place": "Breda"}
    return CarrierReport(**said | more).model_dump_json().encode()


async def report(
    shop, said: bytes, *, carrier: str = "paketpost", signed: bytes = SECRET, age: int = 0
) -> httpx.Response:
    headers = {CARRIER_SIGNATURE: sign(said, signed, int(time.time()) - age)}
    answer: httpx.Response = await shop.http.post(f"/webhooks/{carrier}", content=said, headers=headers)
    return answer


async def on_its_way(shop) -> tuple[UUID, str]:
    order = await shop.allocated(**HEAVY)
    shipment = (await shop.saga.post(f"/internal/shipments/{order}:dispatch")).json()
    assert shipment["carrier"] == "paketpost"
    return order, shipment["tracking_number"]


async def way(shop, order: UUID) -> tuple[str, list[str]]:
    shipment = (await shop.saga.get(f"/internal/shipments/{order}")).json()
    return shipment["state"], [event["state"] for event in shipment["events"]]


async def test_a_report_moves_the_shipment_and_counts_once(shop) -> None:
    order, number = await on_its_way(shop)
    said = body(number, "in_transit")
    assert (await report(shop, said)).json() == {"applied": True}
    assert (await report(shop, said)).json() == {"applied": False}
    assert await way(shop, order) == ("in_transit", ["allocated", "dispatched", "in_transit"])
    assert (await shop.told(order))[2:] == ["shipment.in_transit"]


async def test_the_same_report_many_times_at_once_counts_once(shop) -> None:
    order, number = await on_its_way(shop)
    said = body(number, "delivered")
    answers = await asyncio.gather(*(report(shop, said) for _ in range(5)))
    assert sorted(answer.json()["applied"] for answer in answers) == [False] * 4 + [True]
    assert (await shop.told(order))[2:] == ["shipment.delivered"]


async def test_a_late_report_is_recorded_and_moves_nothing_back(shop) -> None:
    order, number = await on_its_way(shop)
    assert (await report(shop, body(number, "delivered", "2"))).json() == {"applied": True}
    assert (await report(shop, body(number, "in_transit", "1"))).json() == {"applied": False}
    assert await way(shop, order) == ("delivered", ["allocated", "dispatched", "delivered", "in_transit"])
    assert (await shop.told(order))[2:] == ["shipment.delivered"]


async def test_the_carrier_reports_on_a_return(shop) -> None:
    order, number = await on_its_way(shop)
    await report(shop, body(number, "delivered", "a"))
    lines = {"lines": [{"product_id": str(UUID(int=1)), "quantity": 1}]}
    back = (await shop.saga.put(f"/internal/shipments/{order}/returns/{uuid4()}", json=lines)).json()
    for id, state, applied in (("b", "in_transit", True), ("c", "failed", False), ("d", "delivered", True)):
        assert (await report(shop, body(back["tracking_number"], state, id))).json() == {"applied": applied}
    assert (await shop.told(order))[-2:] == ["return.received", "shipment.returned"]


async def test_a_parcel_that_could_not_be_delivered_comes_back(shop) -> None:
    order, number = await on_its_way(shop)
    for id, state in enumerate(["in_transit", "failed", "returning", "returned"]):
        assert (await report(shop, body(number, state, str(id)))).json() == {"applied": True}
    assert (await way(shop, order))[0] == "returned"


async def test_who_cannot_sign_is_refused(shop) -> None:
    order, number = await on_its_way(shop)
    said = body(number, "delivered")
    assert problem(await report(shop, said, signed=b"guess"))[0] == 401
    assert problem(await report(shop, said, age=3600))[0] == 401
    assert problem(await report(shop, said, carrier="swiftline"))[0] == 404  # nobody gave us its secret
    assert (await shop.http.post("/webhooks/paketpost", content=said)).status_code == 422
    headers = shop.token("boss", "logistics:admin") | {CARRIER_SIGNATURE: "t=1,v1=0"}
    assert (await shop.http.post("/webhooks/paketpost", content=said, headers=headers)).status_code == 401
    assert (await way(shop, order))[0] == "dispatched"


async def test_a_report_of_no_parcel_of_that_carrier(shop) -> None:
    assert (await report(shop, body("PP000000000000", "delivered"))).status_code == 404
    order = await shop.allocated()  # with swiftline
    number = (await shop.saga.get(f"/internal/shipments/{order}")).json()["tracking_number"]
    assert (await report(shop, body(number, "delivered"))).status_code == 404


@pytest.mark.parametrize("said", [b"", b"{}", b'{"id": "1", "state": "lost"}', b"\xff"])
async def test_a_report_that_is_none_is_refused(shop, said: bytes) -> None:
    refused = await report(shop, said)
    assert problem(refused) == (422, "about:blank")
    assert refused.json()["errors"][0]["where"].startswith("body")


async def test_the_demo_carrier_brings_everything_to_its_end(shop) -> None:
    order, _ = await on_its_way(shop)
    waiting, cancelled = await shop.allocated(), await shop.allocated()
    await shop.saga.delete(f"/internal/shipments/{cancelled}")
    demo = DemoCarrier(shop.shipments, seconds_per_hop=0)
    for _ in range(3):
        await demo.drive()
    assert await way(shop, order) == ("delivered", ["allocated", "dispatched", "in_transit", "delivered"])
    assert [(await way(shop, other))[0] for other in (waiting, cancelled)] == ["allocated", "cancelled"]

    lines = {"lines": [{"product_id": str(UUID(int=1)), "quantity": 1}]}
    await shop.saga.put(f"/internal/shipments/{order}/returns/{uuid4()}", json=lines)
    for _ in range(3):
        await demo.drive()
    assert (await shop.told(order))[-2:] == ["return.received", "shipment.returned"]


async def test_the_demo_carrier_waits_and_two_of_them_do_not_hurry(shop) -> None:
    order, _ = await on_its_way(shop)
    await DemoCarrier(shop.shipments, seconds_per_hop=3600).drive()
    assert (await way(shop, order))[0] == "dispatched"
    since = utc_now()
    (parcel,) = await shop.shipments.resting(since)
    hops = await asyncio.gather(*(shop.shipments.hop(parcel, since) for _ in range(4)))
    assert sorted(hops) == [False, False, False, True]
    assert (await way(shop, order))[0] == "in_transit"
    assert await shop.shipments.resting(since - timedelta(seconds=1)) == []
