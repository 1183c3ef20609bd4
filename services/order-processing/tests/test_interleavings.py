"""Whatever is lost, repeated, late or out of order, and wherever a worker dies: every order ends well.

A test drives the rules against neighbours in memory. Answers get lost after the effect, requests arrive
twice, events come late, twice and in any order, workers die before they write down what came of a call;
people cancel, pay, do not pay, send back; administrators turn sagas around. Then the faults end, and what
must hold does: no money is kept for a cancelled order, nothing stays reserved for it, nothing happened twice.
"""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from shop_contracts.order_processing.api import OrderState, ReturnLine, ReturnRequest
from shop_order_processing import machine
from shop_order_processing.case import Case, Change, NotPossible, cancel, request_return

from .bench import KINDS, Bench
from .neighbours import CUP, LAMP, Fate, placed

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
FATES: list[Fate] = ["well", "well", "well", "lost", "late", "twice", "error"]
METHODS = ["tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_3ds", "tok_slow"]
CARRIED = ["dispatched", "in_transit", "delivered", "failed", "returning", "returned"]
NAMES = UUID("018f6d2e-6f00-7cc0-8000-0000000000ff")

T = TypeVar("T")
Action = Callable[[], None]


class Interleaving:
    """What may happen next, and one thing after the other."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.bench = Bench()
        self.bench.world.stock = {LAMP: 2, CUP: 3}
        self.bench.world.late_webhook = data.draw(st.booleans())
        self.made = 0
        self.order()

    def possible(self) -> list[Action]:
        """Workers come first; what is named twice is twice as likely."""
        bench, world, tries = self.bench, self.bench.world, self.a_worker_tries
        often: list[tuple[Any, list[Action]]] = [
            (bench.due(), [self.all_goes_well_for_a_while, tries, tries, tries]),
            (bench.open(), [tries, self.time_passes]),
            (world.told, [self.an_event_comes, self.an_event_comes]),
            (len(bench.cases) < 3, [self.order]),
            (bench.cases, [self.somebody_cancels]),
            (world.payments, [self.the_bank_answers]),
            (world.reservations, [self.a_hold_lapses]),
            (self._carried(), [self.the_carrier_moves, self.the_carrier_moves]),
            (self._delivered(), [self.something_is_sent_back]),
            (world.labels, [self.a_return_arrives]),
            (self._turnable(), [self.an_administrator_compensates]),
        ]
        return [action for can, actions in often if can for action in actions]

    def one(self, things: Sequence[T]) -> T:
        return things[self._data.draw(st.integers(0, len(things) - 1))]

    def _name(self) -> UUID:
        self.made += 1
        return uuid5(NAMES, str(self.made))

    def order(self) -> None:
        draw = self._data.draw
        new = placed(
            lines=draw(st.dictionaries(st.sampled_from([LAMP, CUP]), st.integers(1, 2), min_size=1)),
            method=self.one(METHODS),
            coupon=self.one([None, "TEN"]),
            country=self.one(["DE", "DE", "DE", "AQ"]),
            id=self._name(),
        )
        for _ in range(draw(st.integers(1, 2))):
            self.bench.place(new)

    def a_worker_tries(self) -> None:
        """Any open saga, due or not: clocks differ, and news come early."""
        fates = iter(self._data.draw(st.lists(st.sampled_from(FATES), max_size=3)))
        dies = self._data.draw(st.booleans())
        self.bench.step(self.one(self.bench.open()), lambda: next(fates, "well"), dies=dies)

    def all_goes_well_for_a_while(self) -> None:
        for _ in range(self._data.draw(st.integers(1, 8))):
            if due := self.bench.due():
                self.bench.step(due[0])

    def an_event_comes(self) -> None:
        """In any order; it may come once more."""
        said = self.one(self.bench.world.told)
        if self._data.draw(st.booleans()):
            self.bench.world.told.remove(said)
        self.bench.deliver(said)

    def time_passes(self) -> None:
        self.bench.now += timedelta(seconds=self.one([1, 20, 40, 130, 700, 86_400, 3_000_000]))

    def somebody_cancels(self) -> None:
        order = self.one(list(self.bench.cases))
        self._if_possible(order, lambda case, now: cancel(case, "changed my mind", now))

    def the_bank_answers(self) -> None:
        agreed = self._data.draw(st.booleans())
        self.bench.world.answer_challenge(self.one(list(self.bench.world.payments)), agreed)

    def a_hold_lapses(self) -> None:
        self.bench.world.lapse(self.one(list(self.bench.world.reservations)))

    def the_carrier_moves(self) -> None:
        self.bench.world.carry(str(self.one(self._carried())), self.one(CARRIED))

    def something_is_sent_back(self) -> None:
        order, id = self.one(self._delivered()), self._name()
        line = ReturnLine(product_id=self.one([LAMP, CUP]), quantity=self.one([1, 2]))
        wish = ReturnRequest(lines=[line])
        self._if_possible(order, lambda case, now: request_return(case, id, wish, now))

    def a_return_arrives(self) -> None:
        self.bench.world.bring_back(self.one(list(self.bench.world.labels)))

    def an_administrator_compensates(self) -> None:
        self.one(self._turnable()).wish = "by an administrator"

    def _carried(self) -> list[UUID]:
        """The carrier takes only what is paid, by order-processing's word or an administrator's."""
        return [
            order
            for order, case in self.bench.cases.items()
            if any(each.state is OrderState.CONFIRMED for each in case.history)
        ]

    def _delivered(self) -> list[UUID]:
        return [order for order in self.bench.cases if self.bench.state(order) is OrderState.DELIVERED]

    def _turnable(self) -> list[Any]:
        return [saga for saga in self.bench.open() if machine.may_turn(KINDS[saga.kind], saga.progress)]

    def _if_possible(self, order: UUID, make: Callable[[Case, Any], Change]) -> None:
        try:
            self.bench.change(order, make)
        except NotPossible:
            assert self.bench.state(order) not in (OrderState.PLACED, OrderState.CANCELLING)


@settings(max_examples=5000 if LONG else 100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_order_ends_well(data: st.DataObject) -> None:
    life = Interleaving(data)
    for _ in range(data.draw(st.integers(5, 60))):
        action = life.one(life.possible())
        note(action.__name__)
        action()
        life.bench.check()
    life.bench.settle()
    life.bench.check_settled()
