"""What order-processing, shoppers and administrators do with shipments."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_contracts.logistics.api import Shipment
from shop_contracts.logistics.events import ReturnReceived, ShipmentChanged
from shop_logistics.service import service

from .conftest import LINES, problem, request


def states(shipment: dict[str, Any]) -> list[str]:
    return [event["state"] for event in shipment["events"]]


async def test_the_migrations_lead_to_the_tables_of_the_code(shop) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(shop.runtime.store) == []


async def test_a_shipment_is_allocated_to_the_cheapest_carrier_and_told(shop) -> None:
    order = uuid4()
    made = await shop.saga.put(f"/internal/shipments/{order}", json=request())
    assert made.status_code == 201
    shipment = Shipment.model_validate(made.json())
    assert (shipment.state, shipment.carrier, shipment.option) == ("allocated", "swiftline", "standard")
    assert shipment.tracking_number.startswith("SW")
    assert len(shipment.tracking_number) == 14
    assert states(made.json()) == ["allocated"]
    (event,) = await shop.events()
    assert (event.type, event.subject) == ("shipment.allocated", str(order))
    assert ShipmentChanged.model_validate(event.data).shipment == shipment


async def test_the_same_request_again_is_answered_alike_and_told_once(shop) -> None:
    order = uuid4()
    first = await shop.saga.put(f"/internal/shipments/{order}", json=request())
    again = await shop.saga.put(f"/internal/shipments/{order}", json=request())
    assert (again.status_code, again.json()) == (200, first.json())
    assert await shop.told(order) == ["shipment.allocated"]


async def test_many_at_once_make_one(shop) -> None:
    order = uuid4()
    answers = await asyncio.gather(
        *(shop.saga.put(f"/internal/shipments/{order}", json=request()) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.text for answer in answers}) == 1
    assert await shop.told(order) == ["shipment.allocated"]


async def test_another_request_for_the_same_order_is_refused(shop) -> None:
    order = await shop.allocated()
    other = await shop.saga.put(f"/internal/shipments/{order}", json=request(option="express"))
    assert problem(other) == (409, "different-request")


async def test_a_request_again_is_the_same_when_rates_have_changed(shop) -> None:
    order = await shop.allocated()
    known = (await shop.admin.get("/admin/carriers/swiftline")).json()
    rested = {key: known[key] for key in ("title", "tracking_prefix")} | {"rates": [], "active": False}
    headers = {"If-Match": f'"{known["version"]}"'}
    (await shop.admin.put("/admin/carriers/swiftline", json=rested, headers=headers)).raise_for_status()
    again = await shop.saga.put(f"/internal/shipments/{order}", json=request())
    assert again.json()["carrier"] == "swiftline"


@pytest.mark.parametrize("change", [{"option": "by-air"}, {"currency": "JPY"}])
async def test_what_nobody_carries_is_refused_and_leaves_nothing(shop, change: dict[str, str]) -> None:
    order = uuid4()
    refused = await shop.saga.put(f"/internal/shipments/{order}", json=request(**change))
    assert problem(refused) == (409, "not-deliverable")
    assert (await shop.saga.get(f"/internal/shipments/{order}")).status_code == 404
    assert await shop.events() == []


async def test_a_cancelled_shipment_stays_cancelled(shop) -> None:
    order = await shop.allocated()
    cancelled = await shop.saga.delete(f"/internal/shipments/{order}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (await shop.saga.delete(f"/internal/shipments/{order}")).json() == cancelled.json()
    assert problem(await shop.saga.post(f"/internal/shipments/{order}:dispatch")) == (409, "illegal-state")
    # The request that made it may still be under way a second time.
    assert problem(await shop.saga.put(f"/internal/shipments/{order}", json=request())) == (409, "cancelled")
    assert await shop.told(order) == ["shipment.allocated", "shipment.cancelled"]


async def test_a_cancel_that_overtakes_its_request_wins(shop) -> None:
    order = uuid4()
    for _ in range(2):
        answer = await shop.saga.delete(f"/internal/shipments/{order}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert problem(await shop.saga.put(f"/internal/shipments/{order}", json=request())) == (409, "cancelled")
    assert await shop.events() == []


async def test_a_cancel_and_a_dispatch_at_once_agree(shop) -> None:
    for _ in range(5):
        order = await shop.allocated()
        dispatched, cancelled = await asyncio.gather(
            shop.saga.post(f"/internal/shipments/{order}:dispatch"),
            shop.saga.delete(f"/internal/shipments/{order}"),
        )
        assert sorted([dispatched.status_code, cancelled.status_code]) == [200, 409]
        assert len(await shop.told(order)) == 2


async def test_a_dispatched_shipment_cannot_be_cancelled_and_is_dispatched_once(shop) -> None:
    order = await shop.allocated()
    for _ in range(2):
        answer = await shop.saga.post(f"/internal/shipments/{order}:dispatch")
        assert (answer.status_code, answer.json()["state"]) == (200, "dispatched")
    refused = await shop.saga.delete(f"/internal/shipments/{order}")
    assert problem(refused) == (409, "already-dispatched")
    assert await shop.told(order) == ["shipment.allocated", "shipment.dispatched"]
    await shop.advance(order, "in_transit")
    assert (await shop.saga.post(f"/internal/shipments/{order}:dispatch")).json()["state"] == "in_transit"


async def test_what_is_not_known_cannot_be_dispatched(shop) -> None:
    assert (await shop.saga.post(f"/internal/shipments/{uuid4()}:dispatch")).status_code == 404


async def test_an_administrator_says_what_happens_in_the_order_in_which_it_can(shop) -> None:
    order = await shop.allocated()
    url = f"/admin/shipments/{order}:advance"
    refused = await shop.admin.post(url, json={"state": "delivered"})
    assert problem(refused) == (409, "illegal-state")
    assert refused.json()["state"] == "allocated"
    assert "after it may come dispatched, cancelled" in refused.json()["detail"]
    await shop.advance(order, "dispatched", "in_transit", "failed", "in_transit", "delivered", "delivered")
    shipment = (await shop.admin.get(f"/admin/shipments/{order}")).json()
    way = ["allocated", "dispatched", "in_transit", "failed", "in_transit", "delivered"]
    assert states(shipment) == way
    assert await shop.told(order) == [f"shipment.{state}" for state in way]


async def test_a_return_comes_back(shop) -> None:
    order, first, second = await shop.delivered(), uuid4(), uuid4()
    url = f"/internal/shipments/{order}/returns"
    made = await shop.saga.put(f"{url}/{first}", json=LINES)
    assert (made.status_code, made.json()["state"]) == (201, "expected")
    assert (await shop.saga.put(f"{url}/{first}", json=LINES)).json() == made.json()
    await shop.saga.put(f"{url}/{second}", json=LINES)
    assert (await shop.saga.get(f"/internal/shipments/{order}")).json()["state"] == "returning"

    for back in (first, second, first):
        arrived = await shop.admin.post(f"/admin/returns/{back}:advance", json={"state": "delivered"})
        assert (arrived.status_code, arrived.json()["state"]) == (200, "received")
    assert (await shop.saga.get(f"/internal/shipments/{order}")).json()["state"] == "returned"
    assert (await shop.told(order))[4:] == [
        "shipment.returning",
        "return.received",
        "return.received",
        "shipment.returned",
    ]
    received = [event for event in await shop.events() if event.type == "return.received"]
    told = [ReturnReceived.model_validate(event.data) for event in received]
    assert [each.return_id for each in told] == [first, second]
    assert [line.quantity for line in told[0].lines] == [1]


async def test_a_second_return_after_all_was_back(shop) -> None:
    order = await shop.delivered()
    for back in (uuid4(), uuid4()):
        (await shop.saga.put(f"/internal/shipments/{order}/returns/{back}", json=LINES)).raise_for_status()
        await shop.admin.post(f"/admin/returns/{back}:advance", json={"state": "delivered"})
    assert (await shop.told(order))[4:] == ["shipment.returning", "return.received", "shipment.returned"] * 2


async def test_returns_that_cannot_be(shop) -> None:
    order, other, back = await shop.allocated(), await shop.delivered(), uuid4()

    async def put(order: UUID, body: Any = LINES) -> httpx.Response:
        answer: httpx.Response = await shop.saga.put(f"/internal/shipments/{order}/returns/{back}", json=body)
        return answer

    assert problem(await put(order)) == (409, "not-delivered")
    assert (await put(uuid4())).status_code == 404
    assert (await put(other)).status_code == 201
    more = {"lines": [{"product_id": str(UUID(int=1)), "quantity": 2}]}
    assert problem(await put(other, more)) == (409, "different-request")
    await shop.advance(order, "dispatched", "delivered")
    assert problem(await put(order)) == (409, "different-request")
    unknown = await shop.admin.post(f"/admin/returns/{uuid4()}:advance", json={"state": "delivered"})
    assert unknown.status_code == 404
    wrong = await shop.admin.post(f"/admin/returns/{back}:advance", json={"state": "failed"})
    assert problem(wrong) == (409, "illegal-state")


async def test_a_shopper_sees_their_own_shipment_and_its_returns(shop) -> None:
    order, back = await shop.delivered(subject="guest:1"), uuid4()
    await shop.saga.put(f"/internal/shipments/{order}/returns/{back}", json=LINES)
    seen = await shop.http.get(f"/shipments/{order}", headers=shop.token("guest:1", "guest"))
    assert seen.status_code == 200
    assert seen.json()["returns"][0]["return_id"] == str(back)
    label_url = seen.json()["returns"][0]["label_url"]
    label = await shop.http.get(label_url, headers=shop.token("guest:1", "guest"))
    assert label.headers["Content-Type"].startswith("image/svg+xml")
    assert "RETURN" in label.text
    assert "Rotterdam" in label.text


async def test_a_label_is_printed(shop) -> None:
    order = await shop.allocated()
    shipment = (await shop.saga.get(f"/internal/shipments/{order}")).json()
    label = await shop.admin.get(shipment["label_url"])
    assert label.headers["Content-Type"].startswith("image/svg+xml")
    for text in ("Ann Example", "Coolsingel 40", shipment["tracking_number"], "Swiftline", "1.40 kg"):
        assert text in label.text
    tombstone = uuid4()
    gone = (await shop.saga.delete(f"/internal/shipments/{tombstone}")).json()
    assert gone["label_url"] is None
    assert (await shop.admin.get(f"/admin/shipments/{tombstone}/label")).status_code == 404


async def test_the_list_is_read_page_by_page(shop) -> None:
    orders = [str(await shop.allocated()) for _ in range(5)]
    await shop.advance(UUID(orders[0]), "dispatched")
    seen, after = [], {}
    while True:
        page = (await shop.admin.get("/admin/shipments", params={"limit": 2} | after)).json()
        seen += [item["order_id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == orders[::-1]
    gone = (await shop.admin.get("/admin/shipments", params={"state": "dispatched"})).json()
    assert [item["order_id"] for item in gone["items"]] == orders[:1]
    assert (await shop.admin.get("/admin/shipments", params={"after": "x"})).status_code == 422


async def test_a_route_is_planned_of_what_is_on_its_way(shop) -> None:
    def to(postal_code: str, country: str = "NL") -> dict[str, Any]:
        address = request()["address"] | {"postal_code": postal_code, "country": country}
        return {"address": address}

    near, far = await shop.allocated(**to("3012 AA")), await shop.allocated(**to("9712 CP"))
    waiting, abroad = await shop.allocated(**to("3013 AA")), await shop.allocated(**to("10115", "DE"))
    for order in (far, near, abroad):
        await shop.saga.post(f"/internal/shipments/{order}:dispatch")
    day = (await shop.saga.get(f"/internal/shipments/{near}")).json()["events"][-1]["at"][:10]
    assert (await shop.admin.get(f"/admin/routes/home/{day}")).status_code == 404
    planned = await shop.admin.put(f"/admin/routes/home/{day}")
    assert [stop["order_id"] for stop in planned.json()["stops"]] == [str(near), str(far)]
    assert (await shop.admin.get(f"/admin/routes/home/{day}")).json() == planned.json()

    await shop.saga.post(f"/internal/shipments/{waiting}:dispatch")
    again = (await shop.admin.put(f"/admin/routes/home/{day}")).json()
    assert [stop["order_id"] for stop in again["stops"]] == [str(waiting), str(near), str(far)]
    assert (await shop.admin.put(f"/admin/routes/atlantis/{day}")).status_code == 404
