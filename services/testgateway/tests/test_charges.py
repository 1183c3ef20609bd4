"""Charges: what can be done with them, and that it is done once."""

import asyncio
from typing import Any

import pytest
from shop_contracts.testgateway.api import TOKENS, Charge
from shop_testgateway.domain import NEXT
from shop_testgateway.service import service


async def test_the_schema_is_that_of_the_tables(gateway: Any) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(gateway.runtime.store) == []
    assert (await gateway.anybody.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_a_charge_from_hold_to_refund(gateway: Any) -> None:
    charge = await gateway.held(key="k1")
    assert (charge["status"], charge["key"], charge["captured"]) == ("authorised", "k1", 0)
    taken = (await gateway.change(charge, "capture")).json()
    assert (taken["status"], taken["captured"], taken["fee"]) == ("captured", 5900, 82)
    await gateway.change(charge, "refunds", key="r1", amount=1900, reference="return-1")
    state = Charge.model_validate((await gateway.change(charge, "refunds", key="r2", amount=4000)).json())
    assert (state.refunded, [(made.key, made.amount) for made in state.refunds]) == (
        5900,
        [("r1", 1900), ("r2", 4000)],
    )
    assert (await gateway.http.get(f"/v1/charges/{charge['id']}")).json() == state.model_dump(mode="json")


@pytest.mark.parametrize(("token", "outcome"), [*TOKENS.items(), ("tok_made_by_nobody", "unknown_method")])
async def test_tokens_do_what_they_say(gateway: Any, token: str, outcome: str | None) -> None:
    answer = await gateway.charge(token)
    match outcome:
        case None:
            assert (answer.status_code, answer.json()["status"]) == (201, "authorised")
        case "action_required":
            assert (answer.status_code, answer.json()["status"]) == (201, "action_required")
            assert answer.json()["action_url"].startswith("http://gateway/challenges/")
        case reason:
            problem = answer.json()
            assert (answer.status_code, problem["type"]) == (402, reason)
            assert (problem["charge"]["status"], problem["charge"]["reason"]) == ("declined", reason)


async def test_what_cannot_be_done_changes_nothing(gateway: Any) -> None:
    """Every action on a charge in every state: either it is in the table, or it is refused."""
    bodies = {"capture": {}, "void": {}, "refund": {"amount": 100}}
    paths = {"capture": "capture", "void": "void", "refund": "refunds"}
    prepare: dict[str, tuple[str, list[str]]] = {
        "action_required": ("tok_3ds", []),
        "authorised": ("tok_visa", []),
        "captured": ("tok_visa", ["capture"]),
        "declined": ("tok_declined", []),
        "voided": ("tok_visa", ["void"]),
    }
    assert prepare.keys() == NEXT.keys()
    for status, (method, before) in prepare.items():
        for action, body in bodies.items():
            answer = (await gateway.charge(method)).json()
            charge = answer.get("charge", answer)
            for step in before:
                await gateway.change(charge, step)
            answer = await gateway.change(charge, paths[action], **body)
            if action in NEXT[status]:
                assert (answer.status_code, answer.json()["status"]) == (200, NEXT[status][action])
            else:
                assert (answer.status_code, answer.json()["type"]) == (409, "illegal-state")
                assert answer.json()["charge"]["status"] == status


async def test_refunds_stay_below_what_was_taken(gateway: Any) -> None:
    charge = await gateway.held()
    await gateway.change(charge, "capture")
    answers = await asyncio.gather(*(gateway.change(charge, "refunds", amount=1000) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409] * 5
    assert (await gateway.charges())[0]["refunded"] == 5000


async def test_a_key_counts_once_however_many_ask_at_once(gateway: Any) -> None:
    answers = await asyncio.gather(*(gateway.charge(key="same") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    charge = answers[0].json()
    assert await gateway.charges() == [charge]
    for what, body in [("capture", {}), ("refunds", {"amount": 100})]:
        answers = await asyncio.gather(*(gateway.change(charge, what, key=what, **body) for _ in range(10)))
        assert len({answer.text for answer in answers}) == 1
    assert len(await gateway.deliveries()) == 3
    assert (await gateway.charges())[0]["refunded"] == 100


async def test_a_decline_is_remembered_too(gateway: Any) -> None:
    first = await gateway.charge("tok_declined", key="k")
    again = await gateway.charge("tok_declined", key="k")
    assert (first.status_code, first.text) == (again.status_code, again.text)
    assert len(await gateway.charges()) == 1


async def test_a_key_with_another_request_is_refused(gateway: Any) -> None:
    charge = await gateway.held(key="k")
    for answer in (
        await gateway.charge(key="k", amount=1),
        await gateway.change(charge, "capture", key="k"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (422, "idempotency-key-reused")
    assert (await gateway.charges())[0]["status"] == "authorised"


async def test_charges_are_listed_by_page_reference_and_key(gateway: Any) -> None:
    made = [await gateway.held(key=f"k{number}", reference=f"order-{number % 2}") for number in range(5)]
    first = (await gateway.http.get("/v1/charges", params={"limit": 3})).json()
    second = (await gateway.http.get("/v1/charges", params={"limit": 3, "after": first["next"]})).json()
    assert first["items"] + second["items"] == made
    assert second["next"] is None
    own = (await gateway.http.get("/v1/charges", params={"reference": "order-1"})).json()["items"]
    assert own == made[1::2]
    assert (await gateway.http.get("/v1/charges", params={"key": "k3"})).json()["items"] == [made[3]]
    assert (await gateway.http.get("/v1/charges", params={"reference": "order-9"})).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/methods"),
        ("POST", "/v1/charges"),
        ("POST", "/v1/charges/ch_1/capture"),
        ("POST", "/v1/charges/ch_1/void"),
        ("POST", "/v1/charges/ch_1/refunds"),
        ("GET", "/v1/charges"),
        ("GET", "/v1/charges/ch_1"),
        ("PUT", "/faults"),
        ("GET", "/faults"),
    ],
)
async def test_nothing_works_without_the_key(gateway: Any, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Basic merchant-key"}):
        assert (await gateway.anybody.request(method, path, headers=headers)).status_code == 401


async def test_what_is_unknown_is_404(gateway: Any) -> None:
    assert (await gateway.http.get("/v1/charges/ch_1")).status_code == 404
    for what in ("capture", "void"):
        assert (await gateway.change({"id": "ch_1"}, what)).status_code == 404
    assert (await gateway.change({"id": "ch_1"}, "refunds", amount=1)).status_code == 404
