"""The rules without a database: cases and sagas in memory, driven by hand, against neighbours in memory."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from shop_contracts.order_processing.api import SETTLED, OrderState, SagaKind
from shop_contracts.order_taking.events import OrderPlaced
from shop_order_processing import machine
from shop_order_processing.calls import Call, Outcome, perform
from shop_order_processing.case import (
    Case,
    Change,
    payment_changed,
    place,
    return_received,
    shipment_changed,
    told,
)
from shop_order_processing.machine import Progress
from shop_order_processing.sagas import kinds

from .neighbours import Fate, Said, World

T = TypeVar("T")
KINDS = kinds(pack_seconds=30)
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Runs what never really waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits")


@dataclass
class Running:
    kind: SagaKind
    order: UUID
    about: UUID
    progress: Progress
    wish: str | None = None


@dataclass
class Bench:
    """What the store and the engine do, without either."""

    world: World = field(default_factory=World)
    now: datetime = START
    cases: dict[UUID, Case] = field(default_factory=dict)
    sagas: dict[tuple[SagaKind, UUID], Running] = field(default_factory=dict)
    events: list[tuple[str, UUID]] = field(default_factory=list)
    log: list[tuple[SagaKind, machine.Entry]] = field(default_factory=list)

    def place(self, order: OrderPlaced) -> UUID:
        if order.order_id not in self.cases:
            if order.coupon:
                self.world.uses[str(order.order_id)] = "held"  # as order-taking does
            self._apply(None, place(order, self.now))
        return order.order_id

    def change(self, order: UUID, make: Callable[[Case, datetime], Change]) -> None:
        self._apply(self.cases[order], make(self.cases[order], self.now))

    def _apply(self, before: Case | None, change: Change) -> None:
        case = change.case
        if change.invoice and case.invoice is None:
            case = case.but(invoice="2026-000001")
        self.cases[case.id] = case
        for start in change.starts:
            known = self.sagas.get((start.kind, start.about))
            if known is None or known.progress.state == "undone":
                begun = machine.begin(KINDS[start.kind], case, start.about, self.now)
                saga = Running(start.kind, case.id, start.about, begun.progress)
                self.sagas[start.kind, start.about] = saga
        for saga in self.open():
            if saga.order != case.id:
                continue
            if change.wish and saga.kind == "order":
                saga.wish = change.wish
            due = (change.news and saga.progress.waiting) or saga.kind in change.hurry
            if due or (change.wish and saga.kind == "order"):
                saga.progress = replace(saga.progress, next_at=self.now)
        self.events += [(type, case.id) for type, _ in told(before, case)]

    def open(self) -> list[Running]:
        return [saga for saga in self.sagas.values() if saga.progress.state == "open"]

    def due(self) -> list[Running]:
        return [saga for saga in self.open() if saga.progress.next_at <= self.now]

    def step(self, saga: Running, fate: Callable[[], Fate] = lambda: "well", *, dies: bool = False) -> None:
        """One try. `dies`: the process ends before it writes down what came of it."""
        kind, case = KINDS[saga.kind], self.cases[saga.order]
        if saga.wish and machine.may_turn(kind, saga.progress):
            if not dies:
                move = machine.turned(kind, saga.progress, saga.about, case, saga.wish, self.now)
                self._moved(saga, move)
            return
        saga.progress = machine.tried(saga.progress)
        outcome = self._try(kind, saga, case, fate)
        if dies:
            return
        move = machine.move(
            kind,
            saga.progress,
            saga.about,
            case,
            outcome,
            now=self.now,
            pause=lambda failures: min(15.0, 0.4 * 2**failures),
            wish=saga.wish,
        )
        self._moved(saga, move)

    def _try(self, kind: machine.Kind, saga: Running, case: Case, fate: Callable[[], Fate]) -> Outcome:
        action = machine.action(kind, saga.progress)
        if not isinstance(action, Call):
            return action(case, saga.about)
        names = ("warehouse", "payment", "logistics", "catalog")
        clients = {name: self.world.client(name, fate) for name in names}
        key = f"{saga.about}:{saga.progress.step}:{saga.progress.direction}"
        return at_once(perform(action, case, saga.about, key=key, clients=clients))

    def _moved(self, saga: Running, move: machine.Move) -> None:
        saga.progress = move.progress
        self.log += [(saga.kind, entry) for entry in move.entries]
        self._apply(self.cases[saga.order], move.change)

    def deliver(self, said: Said) -> None:
        """An event reaches order-processing."""
        _, _, data = said
        if hasattr(data, "payment"):
            order = UUID(data.payment.order_id)
            self.change(order, lambda case, now: payment_changed(case, data.payment, now))
        elif hasattr(data, "shipment"):
            order = data.shipment.order_id
            self.change(order, lambda case, now: shipment_changed(case, data.shipment, now))
        else:
            self.change(
                data.order_id,  # type: ignore[attr-defined]
                lambda case, now: return_received(case, data.return_id, now),  # type: ignore[attr-defined]
            )

    def settle(self, *, until: timedelta = timedelta(days=40)) -> None:
        """Nothing fails any more: events come, time passes, until nothing is left to do."""
        end = self.now + until
        for _ in range(2000):
            while self.world.told:
                self.deliver(self.world.told.pop(0))
            if due := self.due():
                self.step(due[0])
                continue
            left = [saga.progress.next_at for saga in self.open()]
            if not left or min(left) > end:
                return
            self.now = min(left)
        raise AssertionError(f"does not come to rest: {self.open()}")

    def state(self, order: UUID) -> OrderState:
        return self.cases[order].state

    def check(self) -> None:
        """What holds at every moment."""
        assert all(self.world.available(product) >= 0 for product in self.world.stock)
        assert all(count <= 1 for count in self.world.effects.values()), self.world.effects
        for paid in self.world.payments.values():
            assert 0 <= paid["refunded"]["amount"] <= paid["captured"]["amount"] <= paid["amount"]["amount"]

    def check_settled(self) -> None:
        """What holds once nothing is left to do."""
        self.check()
        for id, case in self.cases.items():
            order = str(id)
            assert case.state in SETTLED, (case.state, self.log)
            paid = self.world.payments.get(order)
            kept = paid["captured"]["amount"] - paid["refunded"]["amount"] if paid else 0
            stock = self.world.reservations.get(order, {}).get("state")
            parcel = self.world.shipments.get(order, {}).get("state")
            use = self.world.uses.get(order)
            if case.payment is not None and paid is not None:
                known = (case.payment.captured.amount, case.payment.refunded.amount)
                assert known == (paid["captured"]["amount"], paid["refunded"]["amount"])
            if case.state is OrderState.CANCELLED:
                assert kept == 0, (case, paid)
                assert paid is None or paid["state"] in ("voided", "declined", "refunded"), paid
                if case.reason == "undelivered":
                    assert stock == "shipped", (stock, self.log)
                else:
                    assert stock in (None, "released", "expired"), stock
                    assert parcel in (None, "cancelled"), parcel
                    assert use in (None, "released"), use
            else:
                back = sum(each.amount.amount for each in case.returns if each.state == "refunded")
                assert kept == case.total.amount - back
                assert stock == ("committed" if case.state is OrderState.CONFIRMED else "shipped"), stock
                assert use in (None, "final"), use
                assert case.invoice is not None
            ends = [type for type, about in self.events if about == id and type == "order.cancelled"]
            assert len(ends) == (case.state is OrderState.CANCELLED)
