"""Every fault can be switched on, limited and counted."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_contracts.testgateway.api import FaultKind, Operation
from shop_testgateway.domain import WEBHOOK_FAULTS, Switched, strike

KINDS: list[FaultKind] = [
    "declined",
    "insufficient_funds",
    "timeout_after_success",
    "duplicate_webhook",
    "late_webhook",
    "action_required",
    "down",
]
OPERATIONS: list[Operation] = ["authorise", "capture", "void", "refund", "find"]


@pytest.mark.parametrize("kind", ["declined", "insufficient_funds"])
async def test_a_good_card_is_declined(gateway: Any, kind: str) -> None:
    await gateway.faults({"kind": kind, "count": 1})
    refused, good = await gateway.charge(), await gateway.charge()
    assert (refused.status_code, refused.json()["type"], good.status_code) == (402, kind, 201)
    assert await gateway.hits() == [1]


async def test_a_good_card_has_to_confirm(gateway: Any) -> None:
    await gateway.faults({"kind": "action_required", "method": "tok_visa"})
    assert (await gateway.held(method="tok_visa"))["status"] == "action_required"
    assert (await gateway.held(method="tok_mastercard"))["status"] == "authorised"
    assert await gateway.hits() == [1]


async def test_the_answer_is_lost_after_it_was_done(gateway: Any) -> None:
    await gateway.faults({"kind": "timeout_after_success", "count": 2})
    assert (await gateway.charge(key="k")).status_code == 504
    assert (await gateway.charge(key="k")).status_code == 504
    charge = await gateway.held(key="k")
    assert await gateway.charges() == [charge]
    await gateway.faults({"kind": "timeout_after_success", "operations": ["refund"], "seconds": 0.05})
    assert (await gateway.change(charge, "capture", key="c")).status_code == 200
    began = asyncio.get_running_loop().time()
    assert (await gateway.change(charge, "refunds", key="r", amount=900)).status_code == 504
    assert asyncio.get_running_loop().time() - began >= 0.05
    assert (await gateway.charges())[0]["refunded"] == 900


async def test_a_gateway_that_is_down_does_nothing(gateway: Any) -> None:
    charge = await gateway.held()
    await gateway.faults({"kind": "down"})
    for answer in (
        await gateway.charge(),
        await gateway.change(charge, "capture"),
        await gateway.change(charge, "void"),
        await gateway.http.get("/v1/charges"),
        await gateway.http.get(f"/v1/charges/{charge['id']}"),
    ):
        assert answer.status_code == 503
    assert await gateway.hits() == [5]
    await gateway.faults()
    assert await gateway.charges() == [charge]


async def test_webhooks_come_twice_or_late(gateway: Any) -> None:
    await gateway.faults(
        {"kind": "duplicate_webhook", "operations": ["authorise"]},
        {"kind": "late_webhook", "operations": ["capture"], "seconds": 60},
    )
    charge = await gateway.held()
    await gateway.change(charge, "capture")
    first, second, late = await gateway.deliveries()
    assert (first.event_id, first.body) == (second.event_id, second.body)
    assert late.event_id != first.event_id
    assert 55 < (late.due_at - first.due_at).total_seconds() < 65
    assert await gateway.hits() == [1, 1]


async def test_totals_outlive_the_list(gateway: Any) -> None:
    for _ in range(2):
        await gateway.faults({"kind": "declined", "count": 3})
        for _ in range(4):
            await gateway.charge()
    await gateway.faults()
    assert (await gateway.http.get("/faults")).json() == {"faults": [], "totals": {"declined": 6}}


async def test_a_count_holds_when_requests_come_at_once(gateway: Any) -> None:
    await gateway.faults({"kind": "declined", "count": 5})
    answers = await asyncio.gather(*(gateway.charge() for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 7 + [402] * 5


async def test_a_probability_is_about_kept(gateway: Any) -> None:
    faults = [Switched(kind="declined", probability=0.25, position=0)]
    draw = random.Random(7).random
    struck = sum(bool(strike(faults, "authorise", None, draw).faults) for _ in range(4000))
    assert 900 < struck < 1100


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Switched,
            kind=st.sampled_from(KINDS),
            count=st.none() | st.integers(0, 2),
            method=st.none() | st.sampled_from(["tok_a", "tok_b"]),
            operations=st.lists(st.sampled_from(OPERATIONS), max_size=2),
            position=st.just(0),
        ),
        max_size=6,
    ),
    st.sampled_from(OPERATIONS),
    st.sampled_from(["tok_a", "tok_b"]),
)
def test_at_most_one_fault_of_a_request_and_one_of_each_webhook_kind(
    faults: list[Switched], operation: Operation, method: str
) -> None:
    struck = strike(faults, operation, method, lambda: 0.0).faults
    own = [fault for fault in struck if fault.kind not in WEBHOOK_FAULTS]
    told = [fault.kind for fault in struck if fault.kind in WEBHOOK_FAULTS]
    assert len(own) <= 1
    assert len(told) == len(set(told))
    for fault in struck:
        assert fault.count != 0
        assert fault.method in (None, method)
        assert not fault.operations or operation in fault.operations
    if operation != "find" and not struck:
        universal = [
            f for f in faults if f.kind == "down" and f.count != 0 and f.method is None and not f.operations
        ]
        assert universal == []
