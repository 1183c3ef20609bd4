"""Nothing is lost, however snapshots and streams run into one another: with the real follower on a bus."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_search import generation
from shop_search.generation import Generation

from .conftest import ask
from .world import Step, World, replica, seen, surroundings, until

steps = st.lists(
    st.tuples(st.sampled_from(["change", "change", "restock", "publish", "again"]), st.integers(0, 6)),
    max_size=25,
)


@settings(max_examples=8, deadline=None)
@given(before=steps, during=steps, after=steps)
async def test_no_change_is_lost_and_none_comes_back(
    before: list[Step], during: list[Step], after: list[Step]
) -> None:
    world = World()
    generation.GATHER = 0.0
    async with surroundings(world) as around:
        for step in before:
            await world.step(*step)
        world.schedule = list(during)
        built = Generation(around, on_lost=lambda: pytest.fail("lost"))
        await built.build()
        for step in [*world.schedule, *after]:
            await world.step(*step)
        await world.publish()
        async with asyncio.timeout(60):
            while sum((await built.lag()).values()):
                await asyncio.sleep(0.01)
        assert seen(built) == world.truth()
        in_stock = {hit.slug for hit in ask(built.index, limit=100, in_stock=True).items}
        assert in_stock == {slug for slug, (_, available) in world.truth().items() if available != 0}
        await built.stop()


async def test_a_snapshot_that_breaks_off_is_read_again() -> None:
    world = World(broken=1)
    world.change(1)
    async with surroundings(world) as around, replica(around) as made:
        assert made.view.size() == 1
        assert around.metrics.builds.labels("failed")._value.get() == 1


async def test_messages_that_are_missing_make_a_new_index() -> None:
    world = World()
    for number in range(3):
        world.change(number)
    await world.start()
    await world.publish()
    async with surroundings(world) as around, replica(around) as made:
        first = made._current
        world.change(0)
        world.change(1)
        world.outbox.pop(0)
        world.bus._streams["catalog"].last += 1  # the first of them was lost by the broker
        await world.publish()
        await until(lambda: made._current is not first and made.problem() is None)
        assert made._current is not None
        assert seen(made._current) == world.truth()


async def test_it_is_built_anew_beside_the_one_that_answers() -> None:
    """No search fails or finds less while it happens, and changes go on being seen."""
    world = World()
    for number in range(20):
        world.change(number)
    async with surroundings(world) as around, replica(around) as made:
        first = made._current
        assert first is not None
        searches, done = 0, False

        async def search() -> None:
            nonlocal searches
            while not done:
                assert made._current is not None
                assert ask(made._current.index, "lamp").total == 20
                searches += 1
                await asyncio.sleep(0.001)

        searching = asyncio.create_task(search())
        await made.ask_all()
        await until(lambda: made._current is not first)
        world.restock(3)
        await world.publish()
        done = True
        await searching
        assert searches > 0
        assert made._current is not None
        built = made._current
        await until(lambda: seen(built) == world.truth())
        state = await made.state()
        assert (state.documents, state.building) == (20, False)


async def test_a_warehouse_that_is_away_costs_only_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "STOCK_WAIT", 0.01)
    monkeypatch.setattr(generation, "PAUSE", 0.01)
    world = World(stock_is_away=True)
    world.change(1)
    world.restock(1)
    async with surroundings(world) as around, replica(around) as made:
        [hit] = ask(made._current.index).items  # type: ignore[union-attr]
        assert hit.available is None
        world.stock_is_away = False
        await until(lambda: ask(made._current.index).items[0].available == 1)  # type: ignore[union-attr]
