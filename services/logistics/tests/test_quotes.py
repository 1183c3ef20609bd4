"""What shoppers are offered, and how administrators change it."""

from typing import Any

import pytest

from .conftest import problem


def wanted(
    grams: int = 700, country: str = "NL", postal_code: str = "3011 AD", **more: Any
) -> dict[str, Any]:
    lines = [{"quantity": 1, "weight_grams": grams}]
    return {"country": country, "postal_code": postal_code, "lines": lines} | more


async def offered(shop, **what: Any) -> dict[str, tuple[str, int]]:
    answer = await shop.http.post("/quotes", json=wanted(**what))
    assert answer.status_code == 200, answer.text
    return {
        option["id"]: (option["carrier"], option["price"]["amount"]) for option in answer.json()["options"]
    }


async def test_the_cheapest_carrier_of_each_speed_by_weight_and_zone(shop) -> None:
    light = {"pickup": ("counter", 0), "standard": ("paketpost", 390), "express": ("swiftline", 890)}
    assert await offered(shop, grams=700) == light
    assert list(await offered(shop, grams=700)) == ["pickup", "standard", "express"]
    assert (await offered(shop, grams=1001))["standard"] == ("swiftline", 480)  # cheaper in that band
    assert (await offered(shop, grams=25_000))["standard"] == ("paketpost", 1190)  # the only one that can
    assert (await offered(shop, country="DE", postal_code="10115"))["standard"] == ("paketpost", 590)
    assert await offered(shop, country="ES", postal_code="07001") == {"standard": ("paketpost", 1490)}
    assert (await offered(shop, country="ES", postal_code="28001"))["standard"] == ("paketpost", 990)


async def test_the_weight_is_that_of_all_pieces(shop) -> None:
    lines = [{"quantity": 3, "weight_grams": 300}, {"quantity": 1, "weight_grams": 101}]
    assert (await offered(shop, lines=lines))["standard"] == ("swiftline", 480)


async def test_it_arrives_on_working_days(shop) -> None:
    options = (await shop.http.post("/quotes", json=wanted())).json()["options"]
    for option in options:
        assert option["earliest"] <= option["latest"]
    assert options[0]["title"] == "Pickup"


@pytest.mark.parametrize(
    "what", [{"country": "AQ"}, {"grams": 31_501}, {"currency": "JPY"}, {"country": "CA", "grams": 25_000}]
)
async def test_where_nobody_goes_is_said(shop, what: dict[str, Any]) -> None:
    assert problem(await shop.http.post("/quotes", json=wanted(**what))) == (422, "not-deliverable")


@pytest.mark.parametrize(
    "what", [{"lines": []}, {"country": "nl"}, {"grams": -1}, {"currency": "EURO"}, {"unknown": 1}]
)
async def test_a_question_that_makes_no_sense_is_refused(shop, what: dict[str, Any]) -> None:
    assert problem(await shop.http.post("/quotes", json=wanted(**what))) == (422, "about:blank")


def rate(zone: str = "home", amount: int = 100, **more: Any) -> dict[str, Any]:
    price = {"amount": amount, "currency": "EUR"}
    return {
        "zone": zone,
        "option": "standard",
        "max_weight_grams": 1000,
        "price": price,
        "days_min": 1,
        "days_max": 2,
    } | more


def carrier(*rates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Bikers", "tracking_prefix": "BK", "rates": list(rates)} | more


async def test_a_carrier_is_put_and_its_rates_are_quoted(shop) -> None:
    made = await shop.admin.put("/admin/carriers/bikers", json=carrier(rate()))
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert (await offered(shop))["standard"] == ("bikers", 100)
    again = await shop.admin.put("/admin/carriers/bikers", json=carrier(rate()))
    assert (again.status_code, again.json()) == (200, made.json())
    assert (await shop.admin.get("/admin/carriers/bikers")).json() == made.json()
    listed = (await shop.admin.get("/admin/carriers")).json()["items"]
    assert [item["id"] for item in listed] == ["bikers", "counter", "paketpost", "swiftline"]
    assert made.json() in listed


async def test_a_carrier_is_replaced_by_who_knows_it(shop) -> None:
    await shop.admin.put("/admin/carriers/bikers", json=carrier(rate()))
    dearer = carrier(rate(amount=200), rate(zone="near"))
    refused = await shop.admin.put("/admin/carriers/bikers", json=dearer)
    assert refused.status_code == 428
    old = {"If-Match": '"7"'}
    assert (await shop.admin.put("/admin/carriers/bikers", json=dearer, headers=old)).status_code == 412
    assert (await offered(shop))["standard"] == ("bikers", 100)
    known = {"If-Match": '"1"'}
    changed = await shop.admin.put("/admin/carriers/bikers", json=dearer, headers=known)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (await offered(shop))["standard"] == ("bikers", 200)
    # The request that did it may come again, in another order of rates, and finds its work done.
    again = carrier(rate(zone="near"), rate(amount=200))
    assert (
        await shop.admin.put("/admin/carriers/bikers", json=again, headers=known)
    ).json() == changed.json()


async def test_a_carrier_that_rests_is_not_offered(shop) -> None:
    await shop.admin.put("/admin/carriers/bikers", json=carrier(rate(), active=False))
    assert (await offered(shop))["standard"] == ("paketpost", 390)


@pytest.mark.parametrize(
    "new",
    [
        carrier(rate(zone="atlantis")),
        carrier(rate(), rate(amount=200)),
        carrier(rate(), tracking_prefix="PP"),
    ],
)
async def test_a_carrier_that_does_not_fit_is_refused_whole(shop, new: dict[str, Any]) -> None:
    refused = await shop.admin.put("/admin/carriers/bikers", json=new)
    assert refused.status_code == 409
    assert "expected zones that exist" in refused.json()["detail"]
    assert (await shop.admin.get("/admin/carriers/bikers")).status_code == 404


async def test_a_zone_is_cut_out_of_a_country(shop) -> None:
    town = {"areas": [{"country": "NL", "postal_prefix": "30"}]}
    made = await shop.admin.put("/admin/zones/town", json=town)
    assert (made.status_code, made.json()) == (201, {"areas": town["areas"], "id": "town", "version": 1})
    assert (await shop.admin.put("/admin/zones/town", json=town)).status_code == 200
    await shop.admin.put("/admin/carriers/bikers", json=carrier(rate(zone="town")))
    assert await offered(shop) == {"standard": ("bikers", 100)}
    assert "bikers" not in str(await offered(shop, postal_code="2511 BT"))

    wider = {"areas": [*town["areas"], {"country": "NL", "postal_prefix": "25"}]}
    assert (await shop.admin.put("/admin/zones/town", json=wider)).status_code == 428
    moved = await shop.admin.put("/admin/zones/town", json=wider, headers={"If-Match": '"1"'})
    assert moved.headers["ETag"] == '"2"'
    assert await offered(shop, postal_code="2511 BT") == {"standard": ("bikers", 100)}
    assert (await shop.admin.get("/admin/zones/town")).json() == moved.json()
    zones = (await shop.admin.get("/admin/zones")).json()["items"]
    assert [zone["id"] for zone in zones] == ["europe", "home", "near", "remote", "town", "world"]


async def test_an_area_is_in_one_zone(shop) -> None:
    refused = await shop.admin.put("/admin/zones/mine", json={"areas": [{"country": "DE"}]})
    assert refused.status_code == 409
    assert (await shop.admin.get("/admin/zones/mine")).status_code == 404
