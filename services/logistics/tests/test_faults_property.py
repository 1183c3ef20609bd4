"""Whatever comes, late, twice or at once: a shipment keeps to its machine and tells it without gaps."""

import asyncio
import shutil
from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.logistics.api import Advance, ReturnRequest, ShipmentRequest
from shop_logistics.service import service
from shop_logistics.shipments import Happening, Refused, Shipments, Unknown
from shop_logistics.states import SHIPMENT, leads
from shop_logistics.tables import outbox
from sqlalchemy import select

from .conftest import request

ORDER, BACK = UUID(int=1), UUID(int=2)
WANTED = ShipmentRequest.model_validate(request())
RETURN = ReturnRequest.model_validate({"lines": [{"product_id": str(UUID(int=1)), "quantity": 1}]})
SAID = ("in_transit", "delivered", "failed", "returning", "returned")

first = st.sampled_from([["allocate"], ["allocate", "allocate"], ["cancel", "allocate"]])
events = st.one_of(
    st.sampled_from(["allocate", "dispatch", "cancel", "return", "hop", "return arrives"]),
    st.tuples(st.just("report"), st.sampled_from(SAID), st.integers(1, 4)),
    st.tuples(st.just("admin"), st.sampled_from(sorted(SHIPMENT))),
)


def act(shipments: Shipments, event: Any) -> Coroutine[Any, Any, Any]:
    match event:
        case "allocate":
            return shipments.allocate(ORDER, WANTED)
        case "dispatch":
            return shipments.dispatch(ORDER)
        case "cancel":
            return shipments.cancel(ORDER)
        case "return":
            return shipments.take_back(ORDER, BACK, RETURN)
        case "return arrives":
            return shipments.move_return(BACK, Advance(state="delivered"))
        case "hop":
            return hop(shipments)
        case ("report", state, number):
            return report(shipments, state, f"{state}-{number}")
        case (_, state):
            return shipments.move(ORDER, Advance(state=state))
    raise AssertionError(event)


async def hop(shipments: Shipments) -> None:
    since = utc_now()
    for parcel in await shipments.resting(since):
        await shipments.hop(parcel, since)


async def report(shipments: Shipments, state: str, id: str) -> None:
    shipment = await shipments.read(ORDER)
    happening = Happening(state, utc_now(), carrier=shipment.carrier, report=id)
    await shipments.report(shipment.tracking_number, happening)


def store_in(file: Path) -> Store:
    return Store(Settings(database_url=f"sqlite:///{file}"), "logistics")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the migrations leave it; each run has a copy."""
    file = tmp_path_factory.mktemp("template") / "logistics.db"

    async def migrate() -> None:
        store = store_in(file)
        assert service.migrations is not None
        await service.migrations.upgrade(store, wait=10)
        await store.stop()

    asyncio.run(migrate())
    return file


async def run(empty: Path, steps: list[list[Any]]) -> list[tuple[str, int]]:
    """Each step's events at once; returns the types and sequences of what was told."""
    with TemporaryDirectory() as folder:
        store = store_in(Path(shutil.copy(empty, folder)))
        shipments = Shipments(store, outbox)
        for together in steps:
            answers = await asyncio.gather(
                *(act(shipments, each) for each in together), return_exceptions=True
            )
            unexpected = [
                answer
                for answer in answers
                if isinstance(answer, BaseException) and not isinstance(answer, Refused | Unknown)
            ]
            assert not unexpected
        async with store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            told = [(row["type"], row["sequence"]) for row in rows.mappings()]
        await store.stop()
    return told


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first, st.lists(st.lists(events, min_size=1, max_size=3), max_size=10))
def test_what_is_told_of_a_shipment_is_a_walk_through_its_machine(
    empty: Path, begin: list[str], steps: list[list[Any]]
) -> None:
    told = asyncio.run(run(empty, [begin, *steps]))
    assert [sequence for _, sequence in told] == list(range(1, len(told) + 1))
    states = [type.removeprefix("shipment.") for type, _ in told if type.startswith("shipment.")]
    assert states[:1] in ([], ["allocated"])
    for now, then in pairwise(states):
        assert leads(SHIPMENT, now, then), f"{then} after {now}"
    assert [type for type, _ in told].count("return.received") <= 1
    if "cancelled" in states:
        assert "dispatched" not in states
