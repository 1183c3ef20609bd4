"""What runs beside a service ends when the service does, whatever becomes of the cancellation on the way."""

import asyncio

import pytest
from shop_chassis import runtime
from shop_chassis.runtime import Background, heed_cancellation


class Lossy:
    """Work whose cleanup fails: who cancels it sees that error, and no cancellation."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.turns = 0

    async def turn(self) -> None:
        self.turns += 1
        self.begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise OSError("the connection could not be closed")


async def test_a_loop_that_heeds_ends_where_the_cancellation_got_lost() -> None:
    lossy = Lossy()

    async def run() -> None:
        while True:
            try:
                await lossy.turn()
            except OSError:
                heed_cancellation()

    background = Background("loop", run)
    await background.start()
    await lossy.begun.wait()
    async with asyncio.timeout(60):
        await background.stop()
    assert (lossy.turns, background.problem()) == (1, "is not running")


async def test_one_that_does_not_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "STOP_SECONDS", 0.01)
    lossy = Lossy()

    async def run() -> None:
        while lossy.turns < 2:
            try:
                await lossy.turn()
            except OSError:
                continue

    background = Background("loop", run)
    await background.start()
    await lossy.begun.wait()
    async with asyncio.timeout(60):
        await background.stop()
    assert lossy.turns == 2


async def test_who_was_not_cancelled_goes_on() -> None:
    async def run() -> str:
        heed_cancellation()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):  # a deadline cancels too, and takes it back
                await asyncio.get_running_loop().create_future()
        heed_cancellation()
        return "done"

    assert await asyncio.create_task(run()) == "done"
