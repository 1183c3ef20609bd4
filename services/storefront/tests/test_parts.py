import asyncio

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.client import NotFound, Unreachable
from shop_chassis.testing.clock import Clock
from shop_storefront.parts import Part, Parts, Remembered

from .conftest import until


class Neighbour:
    """Answers with a number that grows; can be down, slow, or without the thing."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.gone = False
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, key: str) -> int:
        self.asked += 1
        await self.open.wait()
        if self.down:
            raise Unreachable("neighbour", "/", "no connection")
        if self.gone:
            raise NotFound("neighbour", "/", 404, {})
        return self.asked


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def neighbour() -> Neighbour:
    return Neighbour()


@pytest.fixture
def remembered(
    registry: CollectorRegistry, neighbour: Neighbour, clock: Clock[float]
) -> Remembered[str, int]:
    return Remembered("thing", neighbour.answer, Parts(registry), fresh=10, kept=1000, most=3, clock=clock)


async def test_while_it_is_fresh_nobody_is_asked_again(
    remembered: Remembered[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    assert await remembered.get("a") == Part(1)
    clock.now = 10
    assert await remembered.get("a") == Part(1)
    assert neighbour.asked == 1


async def test_of_many_who_want_it_at_once_one_asks(
    remembered: Remembered[str, int], neighbour: Neighbour
) -> None:
    neighbour.open.clear()
    waiting = [asyncio.create_task(remembered.get("a", within=10)) for _ in range(50)]
    await until(lambda: neighbour.asked == 1)
    neighbour.open.set()
    assert await asyncio.gather(*waiting) == [Part(1)] * 50
    assert neighbour.asked == 1


async def test_a_little_later_it_is_renewed_behind_the_back_of_the_page(
    remembered: Remembered[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await remembered.get("a")
    clock.now = 20
    neighbour.open.clear()  # nobody waits for this
    assert await remembered.get("a", within=10) == Part(1)
    neighbour.open.set()
    await until(lambda: not remembered._loading)
    assert await remembered.get("a") == Part(2)


async def test_an_old_answer_is_not_given_out_while_the_neighbour_answers(
    remembered: Remembered[str, int], clock: Clock[float]
) -> None:
    await remembered.get("a")
    clock.now = 51
    assert await remembered.get("a", within=10) == Part(2)


async def test_while_the_neighbour_is_down_the_last_answer_is_given_out_and_called_stale(
    remembered: Remembered[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await remembered.get("a")
    neighbour.down = True
    clock.now = 998
    assert await remembered.get("a", within=10) == Part(1, stale=True)
    clock.now = 1001
    assert await remembered.get("a", within=10) == Part()


async def test_after_a_failure_nobody_waits_for_a_while(
    remembered: Remembered[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    neighbour.down = True
    assert (await remembered.get("a", within=10)).missing
    clock.now = 0.9
    assert (await remembered.get("a", within=10)).missing
    assert neighbour.asked == 1
    neighbour.down = False
    clock.now = 1.1
    assert await remembered.get("a", within=10) == Part(2)


async def test_what_never_came_is_missing_and_counted(
    remembered: Remembered[str, int], neighbour: Neighbour, registry: CollectorRegistry
) -> None:
    neighbour.open.clear()
    assert (await remembered.get("a", within=0.01)).missing
    neighbour.down = True
    neighbour.open.set()
    assert (await remembered.get("b")).missing
    labels = {"part": "thing", "outcome": "missing"}
    assert registry.get_sample_value("storefront_parts_total", labels) == 2


async def test_what_a_page_is_about_fails_it(remembered: Remembered[str, int], neighbour: Neighbour) -> None:
    neighbour.down = True
    with pytest.raises(Unreachable):
        await remembered.need("a")


async def test_what_is_gone_is_not_remembered(
    remembered: Remembered[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await remembered.get("a")
    neighbour.gone = True
    clock.now = 60
    with pytest.raises(NotFound):
        await remembered.need("a")
    neighbour.down = True
    clock.now = 62
    with pytest.raises(Unreachable):
        await remembered.need("a")


async def test_only_so_many_are_kept(remembered: Remembered[str, int], neighbour: Neighbour) -> None:
    for key in "abcd":
        await remembered.get(key)
    await remembered.get("d")
    assert neighbour.asked == 4
    await remembered.get("a")
    assert neighbour.asked == 5


async def test_a_part_has_a_deadline_of_its_own(registry: CollectorRegistry, neighbour: Neighbour) -> None:
    neighbour.open.clear()
    parts = Parts(registry)
    assert (await parts.ask("slow", neighbour.answer("a"), within=0.01)).missing
    neighbour.open.set()
    assert await parts.ask("quick", neighbour.answer("a")) == Part(2)
