"""3-D Secure: the shopper answers on the gateway's page."""

from typing import Any

import pytest


@pytest.mark.parametrize(("outcome", "status"), [("approved", "authorised"), ("denied", "declined")])
async def test_the_shoppers_answer_decides(gateway: Any, outcome: str, status: str) -> None:
    charge = await gateway.held(method="tok_3ds", reference="<order>")
    page = await gateway.anybody.get(charge["action_url"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "59.00 EUR" in page.text
    assert "&lt;order&gt;" in page.text
    assert (await gateway.change(charge, "capture")).status_code == 409
    done = await gateway.anybody.post(charge["action_url"] + ":complete", params={"outcome": outcome})
    assert done.status_code == 200
    assert status in done.text
    after = (await gateway.charges())[0]
    assert (after["status"], after["action_url"]) == (status, None)
    assert after["reason"] == (None if status == "authorised" else "authentication_failed")
    assert [row.body.count(f'"charge.{status}"') for row in await gateway.deliveries()] == [0, 1]


async def test_the_first_answer_counts(gateway: Any) -> None:
    charge = await gateway.held(method="tok_3ds")
    for outcome in ("approved", "denied", "approved"):
        answer = await gateway.anybody.post(charge["action_url"] + ":complete", params={"outcome": outcome})
        assert "authorised" in answer.text
    assert len(await gateway.deliveries()) == 2


async def test_a_voided_charge_stays_voided(gateway: Any) -> None:
    charge = await gateway.held(method="tok_3ds")
    assert (await gateway.change(charge, "void")).json()["status"] == "voided"
    answer = await gateway.anybody.post(charge["action_url"] + ":complete")
    assert "voided" in answer.text
    assert (await gateway.charges())[0]["status"] == "voided"


async def test_the_shopper_goes_back_to_the_shop(gateway: Any) -> None:
    charge = await gateway.held(method="tok_3ds", return_url="https://shop.example/orders/1")
    answer = await gateway.anybody.post(charge["action_url"] + ":complete")
    assert (answer.status_code, answer.headers["location"]) == (303, "https://shop.example/orders/1")


async def test_an_unknown_challenge_is_404(gateway: Any) -> None:
    assert (await gateway.anybody.get("/challenges/none")).status_code == 404
    assert (await gateway.anybody.post("/challenges/none:complete")).status_code == 404


@pytest.mark.parametrize(("currency", "shown"), [("EUR", "59.00"), ("JPY", "5900 JPY")])
async def test_the_amount_is_shown_as_people_write_it(gateway: Any, currency: str, shown: str) -> None:
    charge = await gateway.held(method="tok_3ds", currency=currency)
    assert shown in (await gateway.anybody.get(charge["action_url"])).text
