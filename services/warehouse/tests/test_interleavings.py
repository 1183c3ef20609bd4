"""Whatever comes in whatever order, twice, late or with a crash before the commit: the figures add up.

Hypothesis makes up the sequences, against the service's own code on SQLite, and a model of a few lines says
what each of them has to come to.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.testing.databases import Migrated
from shop_contracts.warehouse import api, events
from shop_warehouse.inventory import Inventory
from shop_warehouse.refusals import Refused, Unknown
from shop_warehouse.replenishments import Replenishments
from shop_warehouse.reservations import Reservations
from shop_warehouse.returns import Returns
from shop_warehouse.rules import HOLDING
from shop_warehouse.service import service
from shop_warehouse.tables import outbox
from shop_warehouse.takes import StockTakes
from sqlalchemy import select

T = TypeVar("T")
Place = tuple[UUID, str]

PRODUCTS = [UUID(int=1), UUID(int=2)]
WAREHOUSES = ["lyon", "ulm"]
PLACES = [(product, warehouse) for product in PRODUCTS for warehouse in WAREHOUSES]
ORDERS = [UUID(int=n) for n in range(101, 104)]
RETURNS = [UUID(int=201), UUID(int=202)]
HOLD, REORDER_POINT = 900, 2

orders = st.sampled_from(ORDERS)
wanted = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 4), min_size=1)


def _place(columns: Sequence[str]) -> Place:
    return UUID(columns[0]), columns[1]


class Crash(Exception):  # noqa: N818
    """The process ends before its transaction commits."""


class Crashing(Store):
    """A store whose next transaction may not come to its end."""

    crash = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:  # type: ignore[override]
        async with super().transaction() as session:
            yield session
            await session.flush()
            if self.crash:
                self.crash = False
                raise Crash


@dataclass
class Order:
    """What an order has come to, by the model."""

    state: str
    wanted: dict[UUID, int] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    expires: datetime | None = None
    returned: dict[UUID, int] = field(default_factory=dict)


class Stock(RuleBasedStateMachine):
    """The warehouse, and what it has to say."""

    template: ClassVar[Path]
    folder: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.file = Path(tempfile.mkdtemp(dir=self.folder)) / "warehouse.db"
        shutil.copy(self.template, self.file)
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.on_hand: dict[Place, int] = {}
        self.orders: dict[UUID, Order] = {}
        self.returns: dict[UUID, Any] = {}
        self._open()

    def _open(self) -> None:
        self.store = Crashing(Settings(database_url=f"sqlite:///{self.file}"), "warehouse")
        clock = {"clock": lambda: self.now}
        self.reservations = Reservations(self.store, outbox, **clock)
        self.inventory = Inventory(self.store, outbox, **clock)
        self.replenishments = Replenishments(self.store, outbox, **clock)
        self.takes = StockTakes(self.store, outbox, **clock)
        self.received = Returns(self.store, outbox, **clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if self.on_hand:
            self.run(self._check_answers())
            self.run(self._check_events())
        self.run(self.store.stop())
        self.loop.close()

    def tried(self, work: Coroutine[Any, Any, T]) -> T | str:
        """The outcome, or why not."""
        try:
            return self.run(work)
        except Refused as refused:
            return refused.type
        except Unknown:
            return "unknown"
        except Crash:
            return "crash"

    def reserved(self, place: Place) -> int:
        return sum(o.lines.get(place, 0) for o in self.orders.values() if o.state in HOLDING)

    def available(self, product: UUID) -> int:
        return sum(max(0, n - self.reserved((p, w))) for (p, w), n in self.on_hand.items() if p == product)

    def enough(self, lines: dict[UUID, int]) -> bool:
        return all(self.available(product) >= quantity for product, quantity in lines.items())

    @initialize(initial=st.tuples(*[st.integers(0, 4)] * len(PLACES)), first=wanted, second=wanted)
    def goods(self, initial: tuple[int, ...], first: dict[UUID, int], second: dict[UUID, int]) -> None:
        """Stock, and two orders under way, so that what comes early can meet something already."""
        for code, country in zip(WAREHOUSES, ["FR", "DE"], strict=True):
            site = api.NewWarehouse(title=code, country=country)
            self.run(self.inventory.put_warehouse(code, site, lambda _: None))
        for place, on_hand in zip(PLACES, initial, strict=True):
            product, warehouse = place
            new = api.InitialStock(on_hand=on_hand, reorder_point=REORDER_POINT, reorder_quantity=3)
            self.run(self.inventory.put_stock(warehouse, product, new))
            self.on_hand[place] = on_hand
        self.begin(ORDERS[0], first, 2)
        self.begin(ORDERS[1], second, 0)

    @rule(order=orders, wanted=wanted, further=st.integers(0, 2))
    def begin(self, order: UUID, wanted: dict[UUID, int], further: int) -> None:
        """As the saga goes when nothing goes wrong; all else comes by itself."""
        self.hold(order, wanted)
        for step in [self.commit, self.ship][:further]:
            step(order)

    def hold(self, order: UUID, wanted: dict[UUID, int]) -> None:
        lines = [api.ReservationLine(product_id=p, quantity=n) for p, n in wanted.items()]
        request = api.ReservationRequest(lines=lines, country="FR", hold_seconds=HOLD)
        there, possible = self.orders.get(order), self.enough(wanted)
        outcome = self.tried(self.reservations.hold(order, request))
        if outcome == "crash":
            return
        if there is not None and there.state == "released":
            assert outcome == api.RELEASED
        elif there is not None and there.wanted != wanted:
            assert outcome == api.DIFFERENT_REQUEST
        elif there is not None:
            assert not isinstance(outcome, str)
            assert (outcome[0].state, outcome[1]) == (there.state, False)
        elif not possible:
            assert outcome == api.OUT_OF_STOCK
        else:
            assert not isinstance(outcome, str)
            assert (outcome[0].state, outcome[1]) == ("held", True)
            made = Order("held", wanted, expires=self.now + timedelta(seconds=HOLD))
            self.orders[order] = made
            self.take(made, outcome[0])

    def take(self, order: Order, reservation: api.Reservation) -> None:
        order.lines = {(line.product_id, line.warehouse): line.quantity for line in reservation.lines}
        for product, quantity in order.wanted.items():
            assert sum(n for (p, _), n in order.lines.items() if p == product) == quantity

    @rule(order=orders)
    def commit(self, order: UUID) -> None:
        there = self.orders.get(order)
        possible = there is not None and self.enough(there.wanted)
        outcome = self.tried(self.reservations.act(order, "commit"))
        if outcome == "crash":
            return
        if there is None:
            assert outcome == "unknown"
        elif there.state == "released":
            assert outcome == api.RELEASED
        elif there.state == "expired" and not possible:
            assert outcome == api.OUT_OF_STOCK
        else:
            assert not isinstance(outcome, str)
            before, there.state = there.state, "shipped" if there.state == "shipped" else "committed"
            assert outcome.state == there.state
            if before == "expired":
                self.take(there, outcome)

    @rule(order=orders)
    def release(self, order: UUID) -> None:
        there = self.orders.get(order)
        outcome = self.tried(self.reservations.act(order, "release"))
        if outcome == "crash":
            return
        if there is not None and there.state == "shipped":
            assert outcome == api.ILLEGAL_STATE
        else:
            assert not isinstance(outcome, str)
            assert outcome.state == "released"
            self.orders.setdefault(order, Order("released")).state = "released"

    @rule(order=orders)
    def ship(self, order: UUID) -> None:
        there = self.orders.get(order)
        outcome = self.tried(self.reservations.act(order, "ship"))
        if outcome == "crash":
            return
        if there is None:
            assert outcome == "unknown"
        elif there.state == "released":
            assert outcome == api.RELEASED
        elif there.state not in ("committed", "shipped"):
            assert outcome == api.ILLEGAL_STATE
        elif there.state == "committed" and any(self.on_hand[p] < n for p, n in there.lines.items()):
            assert outcome == api.STOCK_MISSING
        else:
            assert not isinstance(outcome, str)
            if there.state == "committed":
                for place, quantity in there.lines.items():
                    self.on_hand[place] -= quantity
            there.state = "shipped"

    @rule(minutes=st.sampled_from([1, 20]))
    def lapse(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        due = [o for o in self.orders.values() if o.state == "held" and o.expires and o.expires <= self.now]
        outcome = self.tried(self.reservations.lapse())
        if outcome == "crash":
            return
        assert outcome == len(due)
        for order in due:
            order.state = "expired"

    @rule(
        id=st.sampled_from(RETURNS),
        order=orders,
        lines=st.dictionaries(
            st.tuples(st.sampled_from(PRODUCTS), st.booleans()), st.integers(1, 3), min_size=1
        ),
    )
    def give_back(self, id: UUID, order: UUID, lines: dict[tuple[UUID, bool], int]) -> None:
        request = api.ReturnRequest(
            order_id=order,
            lines=[
                api.ReturnLine(product_id=p, quantity=n, resell=resell) for (p, resell), n in lines.items()
            ],
        )
        there = self.orders.get(order)
        outcome = self.tried(self.received.receive(id, request))
        if outcome == "crash":
            return
        if there is None:
            assert outcome == "unknown"
        elif id in self.returns:
            assert (outcome == api.DIFFERENT_REQUEST) == (self.returns[id] != (order, lines))
        elif there.state != "shipped":
            assert outcome == api.ILLEGAL_STATE
        else:
            back = {p: sum(n for (q, _), n in lines.items() if q == p) for p, _ in lines}
            left = {p: there.wanted.get(p, 0) - there.returned.get(p, 0) for p in back}
            if any(back[p] > left[p] for p in back):
                assert outcome == api.TOO_MANY_RETURNED
                return
            assert not isinstance(outcome, str)
            self.returns[id] = (order, lines)
            for line in outcome[0].lines:
                there.returned[line.product_id] = there.returned.get(line.product_id, 0) + line.quantity
                if line.resell:
                    self.on_hand[line.product_id, line.warehouse] += line.quantity

    @rule(place=st.sampled_from(PLACES), counted=st.integers(0, 8))
    def count(self, place: Place, counted: int) -> None:
        product, warehouse = place
        new = api.NewStockTake(
            warehouse=warehouse, reason="count", counts=[api.Count(product_id=product, counted=counted)]
        )

        async def record() -> api.StockTake:
            async with self.store.transaction() as session:
                return await self.takes.record(session, new)

        outcome = self.tried(record())
        if outcome == "crash":
            return
        assert not isinstance(outcome, str)
        [line] = outcome.counts
        assert line.difference == counted - self.on_hand[place]
        assert line.short == max(0, self.reserved(place) - counted)
        self.on_hand[place] = counted

    @rule(data=st.data(), came=st.none() | st.integers(0, 5))
    def receive(self, data: Any, came: int | None) -> None:
        """Of those that were ordered: open, or received already."""
        there = self.run(self.replenishments_now())
        if not there:
            return
        one = data.draw(st.sampled_from(sorted(there, key=lambda each: each.id)))
        outcome = self.tried(self.replenishments.receive(one.id, came))
        if outcome == "crash":
            return
        quantity = one.quantity if came is None else came
        if one.state == "open":
            assert not isinstance(outcome, str)
            assert outcome.received == quantity
            self.on_hand[one.product_id, one.warehouse] += quantity
        elif one.received == quantity:
            assert outcome == one
        else:
            assert outcome == api.ILLEGAL_STATE

    async def replenishments_now(self) -> list[api.Replenishment]:
        everything = {"state": None, "warehouse": None, "product": None}
        return (await self.replenishments.page(**everything, limit=100, after=None)).items

    @precondition(lambda self: not self.store.crash)
    @rule()
    def crash_next(self) -> None:
        """The next one, whatever it is, ends before it commits."""
        self.store.crash = True

    @rule()
    def restart(self) -> None:
        self.run(self.store.stop())
        self._open()

    @invariant()
    def figures_add_up(self) -> None:
        """Read past the service."""
        found = self._sql("SELECT product_id, warehouse, on_hand, reserved FROM stock")
        assert {_place(place): on_hand for *place, on_hand, _ in found} == self.on_hand
        moved = self._sql("SELECT product_id, warehouse, sum(quantity) FROM movement GROUP BY 1, 2")
        counted = {_place(place): n for *place, n in moved}
        ordered = self._sql("SELECT product_id, warehouse FROM replenishment WHERE state = 'open'")
        under_way = [_place(place) for place in ordered]
        assert len(under_way) == len(set(under_way))
        for *where, on_hand, reserved in found:
            place = _place(where)
            assert on_hand >= 0
            assert on_hand == counted.get(place, 0)
            assert reserved == self.reserved(place)
            assert on_hand - reserved >= REORDER_POINT or place in under_way

    def _sql(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchall()

    async def _check_answers(self) -> None:
        page = await self.inventory.page(
            warehouse=None, product=None, low=False, short=False, limit=100, after=None
        )
        for row in page.items:
            assert row.available - row.short == row.on_hand - row.reserved
            assert row.available >= 0 <= row.short
        assert (await self.inventory.audit()).discrepancies == []
        listed = (await self.inventory.availability(PRODUCTS)).items
        assert {each.product_id: each.available for each in listed} == {
            p: self.available(p) for p in PRODUCTS
        }

    async def _check_events(self) -> None:
        async with self.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            told = [outbox.event(row) for row in rows.mappings()]
        for product in PRODUCTS:
            own = [event for event in told if event.subject == str(product)]
            assert [event.sequence for event in own] == list(range(1, len(own) + 1))
            counts = [event.data["available"] for event in own if event.type == events.STOCK_CHANGED]
            assert [0, *counts][-1] == self.available(product)


def test_the_figures_add_up_whatever_comes(
    migrated: Migrated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = migrated(service, "sqlite", tmp_path).removeprefix("sqlite:///")
    monkeypatch.setattr(Stock, "template", Path(template), raising=False)
    monkeypatch.setattr(Stock, "folder", tmp_path, raising=False)
    run_state_machine_as_test(
        Stock,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
