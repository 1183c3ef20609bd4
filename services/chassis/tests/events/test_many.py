"""Events for many aggregates at once, and consumers that begin after a snapshot."""

from typing import Any

from shop_chassis.events import Claim, Event, Order
from sqlalchemy import select


async def outbox_of(world: Any) -> list[Event]:
    async with world.store.session() as session:
        rows = await session.execute(select(world.outbox.events).order_by(world.outbox.events.c.position))
        return [world.outbox.event(row) for row in rows.mappings()]


async def test_many_at_once_are_numbered_each_by_itself(world: Any) -> None:
    await world.change("p1")
    many = {f"p{number}": {"number": number} for number in range(1200)}
    for _ in range(2):
        async with world.store.transaction() as session:
            await world.outbox.add_all(session, "price.dropped", many)
            await world.outbox.add_all(session, "price.dropped", {})
    told = (await outbox_of(world))[1:]
    assert len(told) == 2400
    by_subject: dict[str, list[tuple[int, int]]] = {}
    for event in told:
        by_subject.setdefault(event.subject, []).append((event.sequence, event.data["number"]))
    assert by_subject.pop("p1") == [(2, 1), (3, 1)]
    assert by_subject == {f"p{number}": [(1, number), (2, number)] for number in range(1200) if number != 1}


async def test_what_was_known_before_is_neither_waited_for_nor_done(world: Any) -> None:
    def event(sequence: int, subject: str = "p1") -> Event:
        return Event(source="/catalog", type="price.changed", subject=subject, sequence=sequence, data={})

    async def claim(event: Event) -> Claim:
        async with world.store.transaction() as session:
            found: Claim = await world.inbox.claim(session, "worker", event, Order.STRICT)
            if found is Claim.GAP:
                await session.rollback()
            return found

    assert await claim(event(1, "p2")) is Claim.NEW
    assert await claim(event(8)) is Claim.GAP
    for heard in ({("/catalog", "p1"): 7, ("/catalog", "p2"): 9}, {("/catalog", "p1"): 3}, {}):
        async with world.store.transaction() as session:
            await world.inbox.begin_after(session, "worker", heard)
    assert await claim(event(7)) is Claim.STALE
    assert await claim(event(8)) is Claim.NEW
    assert await claim(event(2, "p2")) is Claim.NEW, "what is known from events already stays"
