"""The engine on its database: killed at every point it resumes; two of them never do the same step."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.client import BreakerPolicy, ClientMetrics, Policy, ServiceClient
from shop_chassis.events import Event
from shop_chassis.settings import Settings
from shop_chassis.store import Store, opened
from shop_chassis.tables import utc_now
from shop_chassis.testing.clock import Clock
from shop_contracts.order_processing.api import OrderState, ReturnLine, ReturnRequest
from shop_contracts.order_taking.events import OrderPlaced
from shop_order_processing.case import Case, cancel, request_return
from shop_order_processing.engine import LEASE_SECONDS, Engine
from shop_order_processing.events import Handlers
from shop_order_processing.metrics import SagaMetrics
from shop_order_processing.sagas import kinds
from shop_order_processing.service import NEIGHBOURS
from shop_order_processing.store import Held, Orders
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from .neighbours import LAMP, Fate, Way, World, placed

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
SEED = os.environ.get("SHOP_TEST_SEED", "")
NEVER = BreakerPolicy(minimum_calls=10**9)


class Killed(BaseException):
    """The process ends here; nothing after it happens."""


@dataclass
class Scissors(Way):
    """Counts the points at which a process can die, and ends it at one of them."""

    at: int | None = None
    passed: int = 0
    seen: int = 0
    """Points that another life has as well."""

    def cut(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise Killed

    async def leaves(self, request: httpx.Request) -> Fate:
        self.cut()
        return "well"

    async def returns(self, request: httpx.Request) -> None:
        self.cut()


@dataclass
class CutStore:
    """A store whose process can die before and after each commit."""

    store: Store
    scissors: Scissors

    def session(self) -> AsyncSession:
        return self.store.session()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self.store.transaction() as session:
            yield session
            self.scissors.cut()
        self.scissors.cut()


def clients(world: World, way: Way) -> dict[str, ServiceClient]:
    metrics = ClientMetrics(CollectorRegistry())
    policy = Policy(timeout=60, attempts=1, breaker=NEVER)
    return {
        name: ServiceClient(
            name, f"http://neighbours/{name}", metrics=metrics, policy=policy, transport=world.transport(way)
        )
        for name in NEIGHBOURS
    }


@dataclass
class Pod:
    """One life of the process; the next one has the same database and the same world."""

    store: Store
    world: World
    clock: Clock[datetime] = field(default_factory=lambda: Clock(utc_now()))
    scissors: Scissors = field(default_factory=Scissors)

    def __post_init__(self) -> None:
        cut: Any = CutStore(self.store, self.scissors)
        self.orders = Orders(cut, dict(kinds(pack_seconds=1800)), clock=self.clock)
        metrics = SagaMetrics(CollectorRegistry())
        self.engine = Engine(
            self.orders, clients(self.world, self.scissors), metrics, worker="pod", pause=lambda _: 1.0
        )
        self.handlers = Handlers(self.orders)
        self.transaction = cut.transaction

    async def place(self, order: OrderPlaced) -> None:
        async with self.store.transaction() as session:
            await self.orders.place(session, order)

    async def hear(self) -> None:
        """Events of the neighbours; one is gone only when it had its effect."""
        handlers = {on.type: on.handler for on in [*self.handlers.of_payments, *self.handlers.of_shipments]}
        while self.world.told:
            stream, type, data = self.world.told[0]
            content = data.model_dump(mode="json")
            event = Event(source=f"/{stream}", type=type, subject="order", sequence=1, data=content)
            async with self.transaction() as session:
                await handlers[type](session, event)
            self.world.told.pop(0)

    async def run(self, order: UUID, until: Callable[[], Awaitable[bool]]) -> None:
        """Works on this order until that is so, or nothing is left to do; time flies while it waits."""
        for _ in range(500):
            await self.hear()
            if await until():
                return
            held = await self.orders.take(1, worker="pod", lease=LEASE_SECONDS)
            if held:
                await self.engine.advance(held[0])
                continue
            due = await self.orders.next_due()
            if due is None or due > self.clock.now + timedelta(hours=1):
                return
            self.clock.now = max(due, self.clock.now)
        raise AssertionError("does not come to rest")


async def never() -> bool:
    return False


Script = Callable[[Pod, UUID], Awaitable[None]]


async def goes_through(pod: Pod, order: UUID) -> None:
    await pod.run(order, never)


async def confirmed_payment(pod: Pod, order: UUID) -> None:
    async def asked() -> bool:
        return pod.world.payments.get(str(order), {}).get("state") == "action_required"

    await pod.run(order, asked)
    pod.scissors.seen = pod.scissors.passed
    pod.world.answer_challenge(str(order), agreed=True)
    await pod.run(order, never)


async def cancelled_before_capture(pod: Pod, order: UUID) -> None:
    async def waits() -> bool:
        return (await pod.orders.known(order)).state is OrderState.ACTION_REQUIRED

    await pod.run(order, waits)
    pod.scissors.seen = pod.scissors.passed
    await wish(pod, order)
    await pod.run(order, never)


async def cancelled_after_capture(pod: Pod, order: UUID) -> None:
    async def confirmed() -> bool:
        return (await pod.orders.known(order)).state is OrderState.CONFIRMED

    await pod.run(order, confirmed)
    pod.scissors.seen = pod.scissors.passed
    await wish(pod, order)
    await pod.run(order, never)


async def wish(pod: Pod, order: UUID) -> None:
    async with pod.transaction() as session:
        await pod.orders.change(session, order, lambda case, now: cancel(case, "twice", now))


async def sent_back(pod: Pod, order: UUID) -> None:
    async def shipped() -> bool:
        return pod.world.reservations[str(order)]["state"] == "shipped" if pod.world.reservations else False

    await pod.run(order, shipped)
    pod.scissors.seen = pod.scissors.passed
    pod.world.carry(str(order), "delivered")
    await pod.run(order, never)
    if not (await pod.orders.known(order)).returns:
        request = ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=1)])
        async with pod.transaction() as session:
            await pod.orders.change(
                session, order, lambda case, now: request_return(case, uuid4(), request, now)
            )
    await pod.run(order, never)
    for label in list(pod.world.labels):
        pod.world.bring_back(label)
    await pod.run(order, never)


LIVES: dict[str, tuple[Script, dict[str, Any], OrderState]] = {
    "not deliverable": (goes_through, {"country": "AQ", "coupon": "TEN"}, OrderState.CANCELLED),
    "confirmed by the shopper": (
        confirmed_payment,
        {"method": "tok_3ds", "coupon": "TEN"},
        OrderState.SHIPPED,
    ),
    "cancelled before": (cancelled_before_capture, {"method": "tok_3ds"}, OrderState.CANCELLED),
    "cancelled after": (cancelled_after_capture, {"coupon": "TEN"}, OrderState.CANCELLED),
    "sent back": (sent_back, {"lines": {LAMP: 2}}, OrderState.DELIVERED),
}


def ended(case: Case, world: World) -> dict[str, Any]:
    """What two lives are compared by; a tombstone is as good as nothing."""
    id = str(case.id)
    paid = world.payments.get(id, {})
    return {
        "state": case.state,
        "reason": case.reason,
        "history": [each.state for each in case.history],
        "returns": [(each.state, each.amount) for each in case.returns],
        "payment": (paid.get("state"), paid.get("captured"), paid.get("refunded")),
        "stock": world.stock,
        "reservation": world.reservations.get(id, {}).get("state", "released"),
        "shipment": world.shipments.get(id, {}).get("state", "cancelled"),
        "coupon": world.uses.get(id),
        "effects": sorted((what, count) for (what, _), count in world.effects.items()),
    }


async def life(store: Store, name: str, at: int | None = None) -> tuple[dict[str, Any], Scissors]:
    """An order's life with the process killed at one point, and the next one going on; how it ends."""
    script, how, _ = LIVES[name]
    world, clock = World(), Clock(utc_now())
    order = placed(**how)
    if order.coupon:
        world.uses[str(order.order_id)] = "held"
    pod = Pod(store, world, clock, Scissors(at))
    await pod.place(order)
    try:
        await script(pod, order.order_id)
    except Killed:
        clock.now += timedelta(seconds=LEASE_SECONDS + 1)
        await script(Pod(store, world, clock), order.order_id)
    case = await pod.orders.known(order.order_id)
    assert await pod.orders.next_due() is None or case.state is OrderState.SHIPPED
    return ended(case, world), pod.scissors


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(Settings(database_url=database_url), "order-processing") as store:
        yield store


async def killed_everywhere(store: Store, name: str, *, every: int = 6) -> None:
    """At each point of the life that others do not have; unless LONG at every sixth, from another one each
    time that the seed is another.
    """
    undisturbed, whole = await life(store, name)
    assert undisturbed["state"] is LIVES[name][2]
    assert whole.passed - whole.seen > 10
    assert all(count == 1 for _, count in undisturbed["effects"])
    first = 0 if LONG else random.Random(f"{SEED} {name}").randrange(every)
    for at in range(whole.seen + 1 + first, whole.passed + 1, 1 if LONG else every):
        disturbed, cut = await life(store, name, at)
        assert cut.passed == at, "it was not killed"
        assert disturbed == undisturbed, f"killed at point {at} of {whole.passed}"


@pytest.mark.parametrize("name", LIVES)
async def test_killed_at_any_point_it_ends_as_if_undisturbed(sqlite_url: str, name: str) -> None:
    async with opened(Settings(database_url=sqlite_url), "lives") as store:
        await killed_everywhere(store, name)


@pytest.mark.postgres
async def test_so_it_does_on_postgresql(migrated_postgres_url: str) -> None:
    async with opened(Settings(database_url=migrated_postgres_url), "lives") as store:
        await killed_everywhere(store, "cancelled after", every=12)


@dataclass
class Watch(Way):
    """Sees which requests are under way at the same time."""

    under_way: set[str] = field(default_factory=set)
    most: int = 0

    async def leaves(self, request: httpx.Request) -> Fate:
        what = f"{request.method} {request.url.path}"
        assert what not in self.under_way, f"two workers at {what}"
        self.under_way.add(what)
        self.most = max(self.most, len(self.under_way))
        await asyncio.sleep(0.002)  # the time that it takes
        return "well"

    async def returns(self, request: httpx.Request) -> None:
        self.under_way.discard(f"{request.method} {request.url.path}")


async def _until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await what():
            await asyncio.sleep(0.02)


def engine_on(store: Store, world: World, way: Way, worker: str, **options: Any) -> tuple[Orders, Engine]:
    orders = Orders(store, dict(kinds(pack_seconds=0)))
    metrics = SagaMetrics(CollectorRegistry())
    return orders, Engine(orders, clients(world, way), metrics, worker=worker, **options)


@pytest.mark.postgres
async def test_two_workers_never_do_the_same_step(migrated_postgres_url: str) -> None:
    settings = Settings(database_url=migrated_postgres_url)
    world, watch = World(stock={LAMP: 1000}), Watch()
    async with opened(settings, "a") as one, opened(settings, "b") as two:
        pods = [engine_on(store, world, watch, name, poll=0.05) for store, name in ((one, "a"), (two, "b"))]
        workers = [asyncio.create_task(engine.run()) for _, engine in pods]
        made = [placed() for _ in range(40)]
        for number, order in enumerate(made):
            async with (one, two)[number % 2].transaction() as session:
                await pods[number % 2][0].place(session, order)

        async def all_shipped() -> bool:
            page = await pods[0][0].page(subject=None, state=OrderState.SHIPPED, limit=100, after=None)
            left = await pods[0][0].counts()
            return len(page.items) == len(made) and not left.by_state

        await _until(all_shipped)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        sagas = await pods[0][0].sagas(
            state=None, kind=None, order_id=None, stuck=False, limit=100, after=None
        )
        hands = {entry.worker for saga in sagas.items for entry in (await pods[0][0].saga(saga.id)).log}
    assert {"a", "b"} <= hands
    assert watch.most > 4
    assert all(count == 1 for count in world.effects.values())
    requests = [(callee, method, path) for callee, method, path, _ in world.asked]
    assert len(requests) == len(set(requests))


async def test_a_lease_that_was_lost_decides_nothing(store: Store) -> None:
    world, clock = World(), Clock(utc_now())
    pod = Pod(store, world, clock)
    order = placed()
    await pod.place(order)
    [slow] = await pod.orders.take(1, worker="slow", lease=LEASE_SECONDS)
    assert await pod.orders.take(1, worker="quick", lease=LEASE_SECONDS) == []
    clock.now += timedelta(seconds=LEASE_SECONDS + 1)
    [quick] = await pod.orders.take(1, worker="quick", lease=LEASE_SECONDS)
    assert (slow.lost, quick.lost, quick.progress.attempts) == (False, True, 2)
    await pod.engine.advance(quick)
    before = await pod.orders.known(order.order_id)
    await pod.engine.advance(slow)
    assert await pod.orders.known(order.order_id) == before
    saga = await pod.orders.saga(slow.id)
    assert [entry.outcome for entry in saga.log][:2] == ["begun", "lost"]


@dataclass
class Flaky(Scissors):
    """The connection breaks at commits: before they are made, or before they are answered."""

    every: int = 5

    def cut(self) -> None:
        self.passed += 1
        if self.passed % self.every == 0:
            raise OperationalError("COMMIT", {}, ConnectionError("server closed the connection"))

    async def leaves(self, request: httpx.Request) -> Fate:
        return "well"

    async def returns(self, request: httpx.Request) -> None:
        pass


@pytest.mark.parametrize("every", [5, 6])
async def test_while_the_database_is_away_no_answer_is_lost(store: Store, every: int) -> None:
    world, clock = World(), Clock(utc_now())
    pod, order = Pod(store, world, clock, Flaky(every=every)), placed()
    await pod.place(order)
    [held] = await pod.orders.take(1, worker="pod", lease=LEASE_SECONDS)
    await pod.engine.advance(held)
    assert (await pod.orders.known(order.order_id)).state is OrderState.CONFIRMED
    assert pod.scissors.passed > 12
    paths = [path for _, _, path, _ in world.asked]
    assert len(paths) == len(set(paths)), "asked again, although it had answered"


async def test_an_idle_engine_asks_the_database_only_now_and_then(store: Store) -> None:
    world = World()
    orders, engine = engine_on(store, world, Way(), "pod", poll=0.2)
    takes: list[list[Held]] = []
    take = orders.take

    async def counted(*arguments: Any, **options: Any) -> list[Held]:
        takes.append(await take(*arguments, **options))
        return takes[-1]

    orders.take = counted  # type: ignore[method-assign]
    running = asyncio.create_task(engine.run())
    await asyncio.sleep(0.5)  # how often it asks in a time is what this is about
    assert 1 <= len(takes) <= 4

    order = placed()
    async with store.transaction() as session:
        await orders.place(session, order)

    async def shipped() -> bool:
        return (await orders.known(order.order_id)).state is OrderState.SHIPPED

    await _until(shipped)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_was_taken_as_it_stops_is_not_left_lying(store: Store) -> None:
    orders, engine = engine_on(store, World(), Way(), "pod")
    order = placed()
    async with store.transaction() as session:
        await orders.place(session, order)
    taken, go_on, take = asyncio.Event(), asyncio.Event(), orders.take

    async def slow(*arguments: Any, **options: Any) -> list[Held]:
        held = await take(*arguments, **options)
        taken.set()
        await go_on.wait()
        return held

    orders.take = slow  # type: ignore[method-assign]
    running = asyncio.create_task(engine.run())
    await taken.wait()
    running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(running, return_exceptions=True)
    assert (await orders.known(order.order_id)).state is OrderState.RESERVED
    assert [held.lost for held in await take(1, worker="next", lease=LEASE_SECONDS)] == [False]


async def test_news_that_come_while_it_asks_are_not_overlooked(store: Store) -> None:
    """The payment is confirmed after its answer was made and before that is written down."""
    world, clock = World(), Clock(utc_now())
    order = placed(method="tok_3ds")

    class Meanwhile(Scissors):
        async def returns(self, request: httpx.Request) -> None:
            if request.url.path.startswith("/payment/") and request.method == "PUT":
                world.answer_challenge(str(order.order_id), agreed=True)
                await pod.hear()

    pod = Pod(store, world, clock, Meanwhile())
    await pod.place(order)
    [held] = await pod.orders.take(1, worker="pod", lease=LEASE_SECONDS)
    await pod.engine.advance(held)
    assert (await pod.orders.known(order.order_id)).state is OrderState.CONFIRMED


async def test_every_transition_is_in_the_log_with_its_key(store: Store) -> None:
    world, clock = World(), Clock(utc_now())
    pod = Pod(store, world, clock)
    order = placed(method="tok_declined")
    await pod.place(order)
    await pod.run(order.order_id, never)
    [saga] = (
        await pod.orders.sagas(
            state=None, kind="order", order_id=order.order_id, stuck=False, limit=10, after=None
        )
    ).items
    log = (await pod.orders.saga(saga.id)).log
    assert [(entry.step, entry.direction, entry.outcome) for entry in log] == [
        ("reserve", "forward", "begun"),
        ("reserve", "forward", "done"),
        ("authorise", "forward", "refused"),
        ("authorise", "back", "turned"),
        ("reserve", "back", "done"),
    ]
    keys = [key for _, _, _, key in world.asked]
    id = order.order_id
    assert keys == [f"{id}:reserve:forward", f"{id}:authorise:forward", f"{id}:reserve:back"]
