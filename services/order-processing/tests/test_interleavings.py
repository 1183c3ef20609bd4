"""Whatever is lost, repeated, late or out of order, and wherever a worker dies: every order ends well.

The machine drives the rules against neighbours in memory. Answers get lost after the effect, requests arrive
twice, events come late, twice and in any order, workers die before they write down what came of a call;
people cancel, pay, do not pay, send back; administrators turn sagas around. Then the faults end, and what
must hold does: no money is kept for a cancelled order, nothing stays reserved for it, nothing happened twice.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from shop_contracts.order_processing.api import OrderState, ReturnLine, ReturnRequest
from shop_order_processing import machine
from shop_order_processing.case import Case, Change, NotPossible, cancel, request_return

from .bench import KINDS, Bench, Running
from .neighbours import CUP, LAMP, Fate, placed

FATES: list[Fate] = ["well", "well", "well", "lost", "late", "twice", "error"]
METHODS = ["tok_visa", "tok_visa", "tok_visa", "tok_declined", "tok_3ds", "tok_slow"]
CARRIED = ["dispatched", "in_transit", "delivered", "failed", "returning", "returned"]
NAMES = UUID("018f6d2e-6f00-7cc0-8000-0000000000ff")


class Interleavings(RuleBasedStateMachine):
    @initialize(late_webhook=st.booleans())
    def begin(self, late_webhook: bool) -> None:
        self.bench = Bench()
        self.bench.world.stock = {LAMP: 2, CUP: 3}
        self.bench.world.late_webhook = late_webhook
        self.made = 0

    def _some(self, data: st.DataObject, things: list[Any]) -> Any:
        return things[data.draw(st.integers(0, len(things) - 1))]

    def _name(self) -> UUID:
        self.made += 1
        return uuid5(NAMES, str(self.made))

    @precondition(lambda self: len(self.bench.cases) < 3)
    @rule(
        lines=st.dictionaries(st.sampled_from([LAMP, CUP]), st.integers(1, 2), min_size=1),
        method=st.sampled_from(METHODS),
        coupon=st.sampled_from([None, "TEN"]),
        country=st.sampled_from(["DE", "DE", "DE", "AQ"]),
        twice=st.booleans(),
    )
    def order(
        self, lines: dict[UUID, int], method: str, coupon: str | None, country: str, twice: bool
    ) -> None:
        new = placed(lines=lines, method=method, coupon=coupon, country=country, id=self._name())
        for _ in range(1 + twice):
            self.bench.place(new)

    @precondition(lambda self: self.bench.open())
    @rule(data=st.data(), fates=st.lists(st.sampled_from(FATES), max_size=3), dies=st.booleans())
    def a_worker_tries(self, data: st.DataObject, fates: list[Fate], dies: bool) -> None:
        """Any open saga, due or not: clocks differ, and news come early."""
        left = iter(fates)
        self.bench.step(self._some(data, self.bench.open()), lambda: next(left, "well"), dies=dies)

    @precondition(lambda self: self.bench.due())
    @rule(times=st.integers(1, 8))
    def all_goes_well_for_a_while(self, times: int) -> None:
        for _ in range(times):
            if due := self.bench.due():
                self.bench.step(due[0])

    @precondition(lambda self: self.bench.world.told)
    @rule(data=st.data(), again=st.booleans())
    def an_event_comes(self, data: st.DataObject, again: bool) -> None:
        """In any order; `again`: it will come once more."""
        said = self._some(data, self.bench.world.told)
        if not again:
            self.bench.world.told.remove(said)
        self.bench.deliver(said)

    @rule(seconds=st.sampled_from([1, 20, 40, 130, 700, 86_400, 3_000_000]))
    def time_passes(self, seconds: int) -> None:
        self.bench.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.bench.cases)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        order = self._some(data, list(self.bench.cases))
        self._if_possible(order, lambda case, now: cancel(case, "changed my mind", now))

    @precondition(lambda self: self.bench.world.payments)
    @rule(data=st.data(), agreed=st.booleans())
    def the_bank_answers(self, data: st.DataObject, agreed: bool) -> None:
        self.bench.world.answer_challenge(self._some(data, list(self.bench.world.payments)), agreed)

    @precondition(lambda self: self.bench.world.reservations)
    @rule(data=st.data())
    def a_hold_lapses(self, data: st.DataObject) -> None:
        self.bench.world.lapse(self._some(data, list(self.bench.world.reservations)))

    @precondition(lambda self: any(_carried(case) for case in self.bench.cases.values()))
    @rule(data=st.data(), state=st.sampled_from(CARRIED))
    def the_carrier_moves(self, data: st.DataObject, state: str) -> None:
        orders = [order for order, case in self.bench.cases.items() if _carried(case)]
        self.bench.world.carry(str(self._some(data, orders)), state)

    @precondition(lambda self: self._delivered())
    @rule(data=st.data(), product=st.sampled_from([LAMP, CUP]), quantity=st.integers(1, 2))
    def something_is_sent_back(self, data: st.DataObject, product: UUID, quantity: int) -> None:
        order, id = self._some(data, self._delivered()), self._name()
        wish = ReturnRequest(lines=[ReturnLine(product_id=product, quantity=quantity)])
        self._if_possible(order, lambda case, now: request_return(case, id, wish, now))

    @precondition(lambda self: self.bench.world.labels)
    @rule(data=st.data())
    def a_return_arrives(self, data: st.DataObject) -> None:
        self.bench.world.bring_back(self._some(data, list(self.bench.world.labels)))

    @precondition(lambda self: self._turnable())
    @rule(data=st.data())
    def an_administrator_compensates(self, data: st.DataObject) -> None:
        self._some(data, self._turnable()).wish = "by an administrator"

    def _delivered(self) -> list[UUID]:
        return [order for order in self.bench.cases if self.bench.state(order) is OrderState.DELIVERED]

    def _turnable(self) -> list[Running]:
        return [saga for saga in self.bench.open() if machine.may_turn(KINDS[saga.kind], saga.progress)]

    def _if_possible(self, order: UUID, make: Callable[[Case, Any], Change]) -> None:
        try:
            self.bench.change(order, make)
        except NotPossible:
            assert self.bench.state(order) not in (OrderState.PLACED, OrderState.CANCELLING)

    @invariant()
    def nothing_twice_and_nothing_below_zero(self) -> None:
        if hasattr(self, "bench"):
            self.bench.check()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.settle()
            self.bench.check_settled()


def _carried(case: Case) -> bool:
    """The carrier takes only what is paid: logistics is told by order-processing, or by an administrator."""
    return case.state in (
        OrderState.CONFIRMED,
        OrderState.CANCELLING,
        OrderState.SHIPPED,
        OrderState.DELIVERED,
        OrderState.RETURNED,
    ) and any(each.state is OrderState.CONFIRMED for each in case.history)


Interleavings.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
