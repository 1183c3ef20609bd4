"""The API server answers late, wrongly or not at all, and its watches lie: the end is the same.

What Sieve (OSDI 2022) did to other operators. Under each fault a ShopService is led through its life; after
every step the cluster has to be as it is without the fault, with nothing deleted that should have stayed,
nothing left to write, and no traceback in the operator's log.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.cluster import kinds

from ..support.cluster import Cluster
from ..support.proxy import Answer, Call, Event, Forward, Reset, failure
from ..support.stage import LONG, Record, Stage, life, record, seeded, stage, undisturbed

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(3600 if LONG else 900)]

AT_ONCE = 3
ROUNDS = 3 if LONG else 1
FAULTS_IN_THE_SLICE = 4


@dataclass
class Fault:
    """Passes everything on but what its subclasses falsify, and counts that."""

    chance: random.Random
    struck: int = 0
    calm: int = 4
    """How long it must be quiet until it is; see Stage."""

    def begin(self) -> None:
        """Another step of the life begins."""

    async def on_call(self, call: Call, forward: Forward) -> Answer:
        return await forward()

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            yield event


Wrong = Callable[[Call, Forward], Awaitable[Answer]]


def refused(status: int, reason: str, **headers: str) -> Wrong:
    async def wrong(call: Call, forward: Forward) -> Answer:
        return Answer.error(status, reason, f"injected: {reason}", **headers)

    return wrong


def done_but_refused(status: int, reason: str) -> Wrong:
    async def wrong(call: Call, forward: Forward) -> Answer:
        await forward()
        return Answer.error(status, reason, f"injected: {reason}")

    return wrong


async def reset(call: Call, forward: Forward) -> Answer:
    raise Reset


async def done_but_reset(call: Call, forward: Forward) -> Answer:
    await forward()
    raise Reset


async def silence(call: Call, forward: Forward) -> Answer:
    """No answer ever: the operator gives up after 30 s."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class FaultyCalls(Fault):
    """A few reads and writes of each step go wrong. Not more: what fails is put off, longer each time."""

    wrong: Wrong = reset
    in_a_step: int = 2
    steps: int = 10
    _left: int = 0

    def begin(self) -> None:
        self._left, self.steps = self.in_a_step if self.steps else 0, max(self.steps - 1, 0)

    async def on_call(self, call: Call, forward: Forward) -> Answer:
        if self._left and call.verb != "list" and call.verb != "watch" and self.chance.random() < 0.3:
            self._left -= 1
            self.struck += 1
            return await self.wrong(call, forward)
        return await forward()


@dataclass
class Dropped(Fault):
    """The connection of a watch breaks after a few events."""

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        left = self.chance.randint(1, 4)
        async for event in events:
            yield event
            left -= 1
            if not left:
                self.struck += 1
                raise Reset


@dataclass
class Expired(Fault):
    """A watch ends after a few events with an ERROR of code 410, and what comes next is lost."""

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        left = self.chance.randint(1, 4)
        async for event in events:
            if not left:
                self.struck += 1
                yield {"type": "ERROR", "object": failure(410, "Expired", "too old resource version")}
                return
            left -= 1
            yield event


@dataclass
class Gone(Dropped):
    """Where a watch broke, half of the attempts to resume it are answered with HTTP 410."""

    async def on_call(self, call: Call, forward: Forward) -> Answer:
        if call.verb == "watch" and self.struck and self.chance.random() < 0.5:
            self.struck += 1
            return Answer.error(410, "Expired", "injected: too old resource version")
        return await forward()


@dataclass
class Late(Fault):
    """The events of each kind come behind those of the others, by up to a third of a second each."""

    calm: int = 20

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        async for event in events:
            await asyncio.sleep(self.chance.uniform(0, 0.3))
            self.struck += 1
            yield event


@dataclass
class Duplicated(Fault):
    """The last three events come again after each."""

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        last: list[Event] = []
        async for event in events:
            yield event
            if event["type"] != "BOOKMARK":
                for earlier in last:
                    self.struck += 1
                    yield earlier
                last = [*last, event][-3:]


@dataclass
class Reordered(Fault):
    """What comes within a tenth of a second of each other is shuffled."""

    calm: int = 12

    async def on_watch(self, call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        async def read() -> None:
            async for event in events:
                queue.put_nowait(event)
            queue.put_nowait(None)

        reading = asyncio.create_task(read())
        try:
            while event := await queue.get():
                await asyncio.sleep(0.1)  # for more of them
                together = [event]
                while not queue.empty():
                    if following := queue.get_nowait():
                        together.append(following)
                self.chance.shuffle(together)
                self.struck += len(together) > 1
                for one in together:
                    yield one
        finally:
            reading.cancel()


def faults(chance: random.Random) -> dict[str, Fault]:
    calls = {
        "409": refused(409, "Conflict"),
        "429 with Retry-After": refused(429, "TooManyRequests", **{"Retry-After": "1"}),
        "500": refused(500, "InternalError"),
        "503": refused(503, "ServiceUnavailable"),
        "done but 500": done_but_refused(500, "InternalError"),
        "done but 504": done_but_refused(504, "Timeout"),
        "reset": reset,
        "done but reset": done_but_reset,
    }
    return {
        **{name: FaultyCalls(chance, wrong=wrong) for name, wrong in calls.items()},
        "no answer": FaultyCalls(chance, wrong=silence, in_a_step=1, steps=1),
        "watch dropped": Dropped(chance),
        "watch expired": Expired(chance),
        "watch gone": Gone(chance),
        "watch late": Late(chance),
        "watch duplicated": Duplicated(chance),
        "watch reordered": Reordered(chance),
    }


@pytest.fixture(scope="module")
def records(full_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """What each step comes to without a fault."""

    async def recorded() -> dict[str, Record]:
        async with stage(full_server, tmp_path_factory.mktemp("undisturbed")) as first:
            return await undisturbed(first)

    return asyncio.run(recorded())


async def test_whatever_the_api_server_does_it_ends_where_it_would_have(
    full_server: ApiServer, records: dict[str, Record], tmp_path: Path
) -> None:
    places = asyncio.Semaphore(AT_ONCE)
    struck: dict[str, int] = {}

    async def led(name: str, fault: Fault, folder: Path) -> None:
        async with places, stage(full_server, folder) as here:
            await _live(here, name, fault, records)
        print(f"{name}: struck {fault.struck} times")
        struck[name] = struck.get(name, 0) + fault.struck
        assert fault.struck, f"{name} did not happen, so nothing was shown"

    async with asyncio.TaskGroup() as tasks:
        for number in range(ROUNDS):
            chance = seeded(f"faults {number}")
            todo = faults(chance)
            for name in todo if LONG else chance.sample(list(todo), FAULTS_IN_THE_SLICE):
                folder = tmp_path / f"{name} {number}"
                folder.mkdir()
                tasks.create_task(led(name, todo[name], folder))
    record("faults", lives=ROUNDS * len(struck), struck=struck)


async def _live(here: Stage, name: str, fault: Fault, records: dict[str, Record]) -> None:
    here.proxy.on_call, here.proxy.on_watch = fault.on_call, fault.on_watch
    # What a watch has shown cannot be known when it lies.
    here.calm, here.wait_for_events = fault.calm, isinstance(fault, FaultyCalls)
    await here.start()
    for step in life():
        fault.begin()
        before = len(here.proxy.writes)
        await step.act(here.cluster)
        assert await here.until(records[step.name].end) == [], f"{name} in {step.name}"
        deleted = {str(call) for call in here.proxy.writes[before:] if call.verb == "delete"}
        assert deleted <= set(records[step.name].writes), f"{name} in {step.name}"
        assert await here.needless_writes() == [], f"{name} in {step.name}"


@pytest.mark.parametrize("stale", ["everything", "shopservices", "children"])
async def test_an_old_picture_of_the_cluster_deletes_nothing(
    full_server: ApiServer, records: dict[str, Record], tmp_path: Path, stale: str
) -> None:
    """Sieve's time travel: the operator starts at an API server that is behind, for all kinds or for some."""
    create, change, *_ = life()
    old: dict[str, Answer] = {}
    caught_up = asyncio.Event()

    async def photograph(call: Call, forward: Forward) -> Answer:
        answer = await forward()
        if call.verb == "list":
            old[call.path] = answer
        return answer

    async def as_it_was(call: Call, forward: Forward) -> Answer:
        is_service = call.resource == kinds.SHOP_SERVICE.plural
        behind = {"everything": True, "shopservices": is_service, "children": not is_service}[stale]
        if call.verb == "list" and behind and not caught_up.is_set():
            return old[call.path]
        return await forward()

    async def held(call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        await caught_up.wait()
        async for event in events:
            yield event

    async with stage(full_server, tmp_path) as here:
        await here.start()
        await create.act(here.cluster)
        await here.settle()
        here.operator.kill()
        here.proxy.on_call = photograph
        await here.settle()
        await change.act(here.cluster)
        assert await here.until(records[change.name].end) == []
        before = await _uids(here.cluster)
        here.operator.kill()
        here.proxy.on_call, here.proxy.on_watch, here.wait_for_events = as_it_was, held, False
        await here.start()
        await here.quiet()
        caught_up.set()
        assert await here.until(records[change.name].end) == []
        assert await _uids(here.cluster) == before
        assert await here.needless_writes() == []


async def _uids(cluster: Cluster) -> dict[str, str]:
    return {
        f"{kind.kind} {child['metadata']['name']}": child["metadata"]["uid"]
        for kind in kinds.CHILDREN
        for child in await cluster.all(kind.kind)
    }
