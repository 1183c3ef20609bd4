"""The queue of keys: once each, urgent first, failed ones later."""

import asyncio

import pytest
from shop_operator.engine.queue import Priority, Queue


async def drain(queue: Queue[str]) -> list[str]:
    keys = []
    while queue.depth:
        key = await queue.get()
        queue.done(key)
        keys.append(key)
    return keys


async def test_keys_come_in_order_and_once() -> None:
    queue: Queue[str] = Queue()
    for key in "abab":
        queue.add(key)
    assert queue.depth == 2
    assert await drain(queue) == ["a", "b"]


async def test_repairs_come_first_even_if_the_key_waited_before() -> None:
    queue: Queue[str] = Queue()
    for key in "abc":
        queue.add(key)
    queue.add("c", Priority.REPAIR)
    queue.add("b", Priority.REPAIR)
    queue.add("b", Priority.NORMAL)
    assert await drain(queue) == ["c", "b", "a"]


async def test_a_key_marked_while_in_work_is_queued_again_and_never_worked_on_twice_at_a_time() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a", Priority.REPAIR)
    assert queue.depth == 0
    queue.done("a")
    assert await drain(queue) == ["a"]


async def test_a_getter_wakes_up_when_a_key_arrives() -> None:
    queue: Queue[str] = Queue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    assert {await first, await second} == {"a", "b"}


async def test_a_cancelled_getter_passes_its_key_on() -> None:
    queue: Queue[str] = Queue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 20) == "a"


async def test_failures_wait_longer_each_time_and_success_forgets_them() -> None:
    queue: Queue[str] = Queue(first_backoff=1, last_backoff=4)
    delays = []
    for _ in range(5):
        queue.add("a")
        await queue.get()
        delays.append(queue.failed("a"))
    for delay, most in zip(delays, (1, 2, 4, 4, 4), strict=True):
        assert most / 2 <= delay <= most
    queue.add("a")
    await queue.get()
    queue.done("a")
    queue.add("a")
    await queue.get()
    assert queue.failed("a") <= 1


async def test_a_failed_key_comes_again_by_itself() -> None:
    queue: Queue[str] = Queue(first_backoff=0.01)
    queue.add("a")
    await queue.get()
    queue.failed("a")
    assert queue.depth == 0
    assert await asyncio.wait_for(queue.get(), 20) == "a"


async def test_the_server_can_ask_for_a_longer_wait() -> None:
    queue: Queue[str] = Queue(first_backoff=0.01)
    queue.add("a")
    await queue.get()
    assert queue.failed("a", at_least=7) == 7


async def test_depth_and_age() -> None:
    now = 100.0
    queue: Queue[str] = Queue(clock=lambda: now)
    assert (queue.depth, queue.age, queue.longest_work) == (0, 0, 0)
    queue.add("a")
    now = 103.0
    queue.add("b")
    queue.add("a", Priority.REPAIR)
    assert (queue.depth, queue.age) == (2, 3)
    await queue.get()
    now = 104.0
    assert (queue.depth, queue.age, queue.longest_work) == (1, 1, 1)


@pytest.mark.parametrize("workers", [1, 4])
async def test_nothing_is_lost_under_load(workers: int) -> None:
    queue: Queue[int] = Queue()
    seen: list[int] = []
    active: set[int] = set()

    async def work() -> None:
        while True:
            key = await queue.get()
            assert key not in active
            active.add(key)
            await asyncio.sleep(0)
            seen.append(key)
            active.discard(key)
            queue.done(key)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    for round_ in range(3):
        for key in range(50):
            queue.add(key, Priority(round_ % 2))
        await asyncio.sleep(0)
    while queue.depth or active:
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    assert set(seen) == set(range(50))


async def test_a_worker_for_repairs_takes_nothing_else_and_is_free_when_the_others_are_busy() -> None:
    queue = Queue[str]()
    repairs = asyncio.create_task(queue.get(Priority.REPAIR))
    queue.add("made")
    assert await queue.get() == "made"
    queue.add("also made")
    await asyncio.sleep(0)
    assert not repairs.done()
    queue.add("broken", Priority.REPAIR)
    assert await repairs == "broken"
    assert await queue.get() == "also made"


async def test_the_waits_double_up_to_the_longest_and_are_never_cut_by_more_than_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: Queue[str] = Queue(first_backoff=1, last_backoff=5)
    bounds: list[tuple[float, float]] = []
    monkeypatch.setattr("random.uniform", lambda least, most: bounds.append((least, most)) or most)
    delays = []
    for _ in range(40):
        queue.add("a")
        await queue.get()
        delays.append(queue.failed("a"))
    assert delays == [1, 2, 4] + [5] * 37
    assert set(bounds) == {(0.5, 1.0)}
    assert queue.failing == 1


async def test_by_default_it_is_tried_again_soon_and_at_least_once_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: Queue[str] = Queue()
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    delays = []
    for _ in range(12):
        queue.add("a")
        await queue.get()
        delays.append(queue.failed("a"))
    assert (delays[0], delays[-1]) == (0.05, 60.0)


async def test_a_key_that_became_urgent_while_its_work_failed_is_urgent_when_it_comes_again() -> None:
    queue: Queue[str] = Queue(first_backoff=0.001)
    queue.add("a")
    await queue.get()
    queue.add("a", Priority.REPAIR)
    queue.failed("a")
    assert queue.depth == 0, "a failing key is no hot loop"
    assert await asyncio.wait_for(queue.get(Priority.REPAIR), 20) == "a"
    assert queue.depth == 0


async def test_a_key_that_is_added_does_not_come_a_second_time_for_its_retry() -> None:
    queue: Queue[str] = Queue()
    queue.add_after("a", 0.005)
    queue.add("a")
    assert await drain(queue) == ["a"]
    await asyncio.sleep(0.02)
    assert queue.depth == 0
