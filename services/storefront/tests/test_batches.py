import asyncio
from collections.abc import Sequence

import pytest
from shop_chassis.client import Unreachable
from shop_chassis.testing.clock import Clock
from shop_storefront.batches import Batched
from shop_storefront.parts import PAUSE

from .conftest import until


class Neighbour:
    """Answers with the number of the question; knows no vowels. Can be down or slow."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append("".join(keys))
        number = len(self.asked)
        await self.open.wait()
        if self.down:
            raise Unreachable("neighbour", "/", "no connection")
        return {key: number for key in keys if key not in "aeiou"}


@pytest.fixture
def neighbour() -> Neighbour:
    return Neighbour()


@pytest.fixture
def batched(neighbour: Neighbour, clock: Clock[float]) -> Batched[str, int]:
    return Batched("letters", neighbour.answer, fresh=10, at_once=4, most=6, clock=clock)


async def test_only_what_is_not_known_is_asked_for(batched: Batched[str, int], neighbour: Neighbour) -> None:
    assert await batched.get("bc") == {"b": 1, "c": 1}
    assert await batched.get("bcd") == {"b": 1, "c": 1, "d": 2}
    assert neighbour.asked == ["bc", "d"]


async def test_what_is_not_there_is_left_out(batched: Batched[str, int]) -> None:
    assert await batched.get("ab") == {"b": 1}


async def test_nobody_waits_for_what_is_renewed_and_all_of_it_is_asked_for_together(
    batched: Batched[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await batched.get("bcd")
    clock.now = 11
    neighbour.open.clear()
    assert await batched.get("b") == {"b": 1}
    await until(lambda: len(neighbour.asked) == 2)
    for page in ("c", "cd"):
        assert set((await batched.get(page)).values()) == {1}
    neighbour.open.set()
    await until(lambda: len(neighbour.asked) == 3)
    assert neighbour.asked == ["bcd", "b", "cd"]
    await until(lambda: batched._renewing is None)
    assert await batched.get("bcd") == {"b": 2, "c": 3, "d": 3}


async def test_what_was_told_long_ago_is_waited_for(
    batched: Batched[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await batched.get("b")
    clock.now = 51
    assert await batched.get("b") == {"b": 2}


async def test_while_the_neighbour_is_away_the_last_answers_are_given_out(
    batched: Batched[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await batched.get("bc")
    neighbour.down = True
    clock.now = 1000
    assert await batched.get("bcd") == {"b": 1, "c": 1}
    with pytest.raises(Unreachable):
        await batched.get("d")


async def test_a_neighbour_that_is_away_is_not_asked_by_every_page(
    batched: Batched[str, int], neighbour: Neighbour, clock: Clock[float]
) -> None:
    await batched.get("b")
    neighbour.down = True
    clock.now = 11
    await batched.get("b")
    await until(lambda: len(neighbour.asked) == 2 and batched._renewing is None)
    await batched.get("b")
    assert len(neighbour.asked) == 2
    neighbour.down = False
    clock.now += PAUSE
    await batched.get("b")
    await until(lambda: len(neighbour.asked) == 3 and batched._renewing is None)
    assert await batched.get("b") == {"b": 3}


async def test_what_is_gone_is_given_out_no_more(
    batched: Batched[str, int], neighbour: Neighbour, clock: Clock[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    await batched.get("b")
    clock.now = 11

    async def nothing(keys: Sequence[str]) -> dict[str, int]:
        return {}

    monkeypatch.setattr(batched, "_load", nothing)
    await batched.get("b")
    await until(lambda: batched._renewing is None)
    assert await batched.get("b") == {}


async def test_those_that_were_asked_for_last_are_kept(
    batched: Batched[str, int], neighbour: Neighbour
) -> None:
    for four in ("bcdf", "ghjk"):
        await batched.get(four)
    assert await batched.get("fghj") == {"f": 1, "g": 2, "h": 2, "j": 2}
    assert neighbour.asked == ["bcdf", "ghjk"]
    await batched.get("b")
    assert neighbour.asked[-1] == "b"
