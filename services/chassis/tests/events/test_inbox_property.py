"""Whatever the order and number of deliveries, and wherever a worker dies, the rules hold."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_chassis.events import Claim, Event, Inbox, Order
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from sqlalchemy import MetaData

SUBJECTS = ("p1", "p2")
LAST = 5
EVENTS = [
    Event(
        id=f"{subject}-{sequence}", source="/catalog", type=type, subject=subject, sequence=sequence, data={}
    )
    for subject in SUBJECTS
    for sequence in range(1, LAST + 1)
    for type in [("price.changed", "product.changed")[sequence % 2]]
]


@dataclass(frozen=True)
class Step:
    """One delivery; the worker can die before its commit, or after it and before the acknowledgement."""

    event: Event
    dies: str = "no"


steps = st.builds(Step, st.sampled_from(EVENTS), st.sampled_from(["no", "no", "no", "before", "after"]))


async def deliver(folder: str, order: Order, schedule: Sequence[Step], everything: bool) -> list[Event]:
    """Plays the schedule as a broker would that repeats what is not acknowledged; the effects, in order."""
    store = Store(Settings(database_url=f"sqlite:///{folder}/inbox.sqlite"), "worker")
    metadata = MetaData()
    inbox = Inbox(metadata)
    async with store.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    effects: list[Event] = []
    open_events = {event.id: event for event in EVENTS} if everything else {}

    async def handle(event: Event, dies: str) -> None:
        async with store.transaction() as session:
            claim = await inbox.claim(session, "worker", event, order)
            if claim is Claim.GAP or dies == "before":
                await session.rollback()
                return
        if claim is Claim.NEW:
            effects.append(event)
        if dies != "after":
            open_events.pop(event.id, None)

    for step in schedule:
        await handle(step.event, step.dies)
    while open_events:  # now everything gets through
        for event in list(open_events.values()):
            await handle(event, "no")
    await store.stop()
    return effects


def play(order: Order, schedule: Sequence[Step], everything: bool = True) -> list[Event]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(deliver(folder, order, schedule, everything))


@given(st.lists(steps, max_size=30))
@settings(max_examples=25, deadline=None)
def test_any_every_event_has_exactly_one_effect(schedule: list[Step]) -> None:
    assert sorted(event.id for event in play(Order.ANY, schedule)) == sorted(event.id for event in EVENTS)


@given(st.lists(steps, max_size=30))
@settings(max_examples=25, deadline=None)
def test_latest_never_goes_back_and_ends_with_the_newest(schedule: list[Step]) -> None:
    effects = play(Order.LATEST, schedule)
    for subject in SUBJECTS:
        for type in ("price.changed", "product.changed"):
            seen = [event.sequence for event in effects if (event.subject, event.type) == (subject, type)]
            expected = [event for event in EVENTS if (event.subject, event.type) == (subject, type)]
            assert seen == sorted(set(seen))
            assert seen[-1] == expected[-1].sequence


@given(st.lists(steps, max_size=30))
@settings(max_examples=25, deadline=None)
def test_strict_every_event_has_its_effect_in_turn(schedule: list[Step]) -> None:
    effects = play(Order.STRICT, schedule)
    for subject in SUBJECTS:
        assert [event.sequence for event in effects if event.subject == subject] == list(range(1, LAST + 1))


@given(st.lists(steps, max_size=30))
@settings(max_examples=25, deadline=None)
def test_strict_has_no_gap_at_any_moment(schedule: list[Step]) -> None:
    effects = play(Order.STRICT, schedule, everything=False)
    for subject in SUBJECTS:
        seen = [event.sequence for event in effects if event.subject == subject]
        assert seen == list(range(1, len(seen) + 1))


async def test_two_workers_that_claim_one_event_at_once_get_it_once(world: Any) -> None:
    event = EVENTS[0]

    async def claim() -> Claim:
        async with world.store.transaction() as session:
            claimed: Claim = await world.inbox.claim(session, "worker", event, Order.ANY)
            await asyncio.sleep(0.02)
            return claimed

    claims = await asyncio.gather(*(claim() for _ in range(5)))
    assert sorted(claim.name for claim in claims) == ["DUPLICATE"] * 4 + ["NEW"]


async def test_a_gap_that_was_filled_before_it_is_given_up_is_none(world: Any) -> None:
    async def claim(sequence: int) -> Claim:
        async with world.store.transaction() as session:
            one = Event(source="/catalog", type="price.changed", subject="p1", sequence=sequence, data={})
            found: Claim = await world.inbox.claim(session, "worker", one, Order.STRICT, skip_gap=True)
            return found

    assert [await claim(sequence) for sequence in (1, 2, 5)] == [Claim.NEW, Claim.NEW, Claim.SKIPPED]


async def test_old_rows_are_pruned(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from shop_chassis.events import inbox as module

    async with world.store.transaction() as session:
        await world.inbox.claim(session, "worker", EVENTS[0], Order.ANY)
        await world.inbox.park(session, "worker", EVENTS[1])
    async with world.store.transaction() as session:
        assert await world.inbox.prune(session) == 0
    monkeypatch.setattr(module, "KEPT", timedelta(days=-1))
    async with world.store.transaction() as session:
        assert await world.inbox.prune(session, most=1) == 2
        assert await world.inbox.prune(session) == 0
