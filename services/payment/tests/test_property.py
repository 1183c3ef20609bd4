"""Any sequence of requests, faults, crashes, webhooks and time ends without a wrong penny.

Payment runs as it is, on its database; the gateway is the one in memory. Requests may fail to get there, lose
their answer or die with the process; webhooks come in any order, several times or never.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_chassis.testing.clock import Clock
from shop_contracts.money import Money
from shop_contracts.payment.api import AuthorisePayment, Payment, RefundPayment
from shop_payment.payments import (
    DifferentRequest,
    IllegalState,
    NotRefundable,
    Payments,
    Unavailable,
    Unknown,
)
from shop_payment.settings import PaymentSettings
from shop_payment.tables import outbox
from sqlalchemy import select

from .gateway_in_memory import Crash, ModelGateway
from .world import check_books, migrated

T = TypeVar("T")
ORDERS = st.sampled_from(["order-1", "order-1", "order-2"])
WISHES = st.one_of(
    st.sampled_from([("authorise", 0), ("capture", 0), ("capture", 0), ("void", 0), ("look", 0)]),
    st.sampled_from([("refund", 200), ("refund", 300), ("refund", 700)]),
)
MEANWHILE = st.sampled_from(
    ["restart", "arrival", "outage", "recovery", "approve", "deny", "refund", "audit"]
)
FAULT = st.sampled_from(
    ["none", "none", "delayed", "lost_before", "lost_after", "crash_before", "crash_after"]
)
METHOD = {"order-1": "tok_visa", "order-2": "tok_3ds"}
AMOUNT = 1000
_EXPECTED = (Crash, DifferentRequest, IllegalState, NotRefundable, Unavailable, Unknown)


class Shopping(RuleBasedStateMachine):
    """Two orders, one of them with 3-D Secure."""

    @initialize(stage=st.sampled_from(["new", "delayed", "held", "taken", "taken"]))
    def open(self, stage: str) -> None:
        """The first order may have come some way already: what can happen late should happen often."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_empty(), self.folder / "payment.db")
        url = f"sqlite:///{self.folder}/payment.db"
        self.store = Store(PaymentSettings(database_url=url), "payment")
        self.gateway, self.clock = ModelGateway(), Clock(utc_now())
        self.restart()
        self.seen: dict[str, Payment] = {}
        """The last that a caller was told."""
        if stage != "new":
            self.ask("order-1", ("authorise", 0), "delayed" if stage == "delayed" else "none")
        if stage == "taken":
            self.ask("order-1", ("capture", 0), "none")

    def restart(self) -> None:
        """The process starts anew: all that it remembers is in the database."""
        self.payments = Payments(self.store, outbox, {"test": self.gateway}, "test", clock=self.clock)

    # Few rules with many arguments: of many rules a run would leave out most.

    @rule(order=ORDERS, wish=WISHES, fault=FAULT)
    def ask(self, order: str, wish: tuple[str, int], fault: str) -> None:
        """A caller wants something; what it is told is never taken back."""
        self.gateway.faults = [fault]
        try:
            payment = self.run(self.asked(order, *wish))
        except _EXPECTED:
            pass
        else:
            before = self.seen.get(order)
            if before is not None:
                assert payment.captured.amount >= before.captured.amount
                assert payment.refunded.amount >= before.refunded.amount
            self.seen[order] = payment
        self.gateway.faults = []

    @rule(order=ORDERS, wishes=st.lists(WISHES, min_size=2, max_size=4))
    def ask_at_once(self, order: str, wishes: list[tuple[str, int]]) -> None:
        """Several callers at the same time."""

        async def all_of_them() -> list[Any]:
            calls = [self.asked(order, *wish) for wish in wishes]
            return await asyncio.gather(*calls, return_exceptions=True)

        for outcome in self.run(all_of_them()):
            assert isinstance(outcome, (Payment, *_EXPECTED)), outcome

    @rule(
        order=ORDERS,
        what=st.sampled_from(
            ["restart", "arrival", "outage", "recovery", "approve", "deny", "refund", "audit"]
        ),
    )
    def meanwhile(self, order: str, what: str) -> None:
        """What callers have no hand in."""
        match what:
            case "restart":
                self.restart()
            case "arrival":
                if not self.gateway.down:
                    self.run(self.gateway.arrive())
            case "outage" | "recovery":
                self.gateway.down = what == "outage"
            case "approve" | "deny":
                self.gateway.complete(order, approved=what == "approve")
            case "audit":
                self.run(check_books(self.store))
            case "refund":  # a person does it at the gateway, without asking payment
                charge = None if self.gateway.down else self.gateway.of(order)
                if charge and charge.status == "captured" and self.gateway.refunded(charge) < AMOUNT:
                    key = f"{charge.id}-{len(charge.refunds)}"
                    self.run(self.gateway.refund(key, charge.id, "", 100))

    @rule(number=st.integers(0, 30))
    def webhook(self, number: int) -> None:
        """Any that was ever sent, once more or for the first time.

        By its number: how many there are depends on what came first of what was asked at once.
        """
        if told := self.gateway.told:
            self.run(self.payments.told("test", told[number % len(told)]))

    @rule(seconds=st.sampled_from([1, 20, 60]), faults=st.lists(FAULT, max_size=2))
    def schedule(self, seconds: int, faults: list[str]) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.gateway.faults = list(faults)
        self.run(self.payments.resume_due())
        self.gateway.faults = []

    @invariant()
    def the_gateway_was_asked_once(self) -> None:
        if not hasattr(self, "gateway"):
            return
        for order in METHOD:
            charge = self.gateway.of(order)  # asserts that there is one at most
            if charge is not None:
                assert 0 <= self.gateway.refunded(charge) <= charge.captured <= charge.amount == AMOUNT

    def teardown(self) -> None:
        """Faults end; then everything is final, and payment and gateway say the same."""
        if not hasattr(self, "gateway"):
            return
        self.gateway.down, self.gateway.faults = False, []
        self.run(self.gateway.arrive())
        for _ in range(3):
            self.clock.now += timedelta(seconds=60)
            self.run(self.payments.resume_due())
        for told in reversed(self.gateway.told):
            self.run(self.payments.told("test", told))
        self.clock.now += timedelta(seconds=60)
        self.run(self.payments.resume_due())
        for order in METHOD:
            self.compare(order)
        self.run(check_books(self.store))
        self.run(self.tell_each_fact_once())
        self.run(self.store.stop())
        self.loop.close()
        shutil.rmtree(self.folder)

    def compare(self, order: str) -> None:
        charge = self.gateway.of(order)
        try:
            payment = self.run(self.payments.get(order))
        except Unknown:
            assert charge is None
            return
        if charge is None:
            assert payment.state == "voided"
            return
        refunded = self.gateway.refunded(charge)
        assert payment.captured.amount == charge.captured
        assert payment.refunded.amount == refunded
        assert all(refund.state != "pending" for refund in payment.refunds)
        expected: str = charge.status
        if refunded:
            expected = "refunded" if refunded == charge.captured else "partially_refunded"
        if payment.state == "voided":
            assert charge.status in ("voided", "declined")
        else:
            assert payment.state == expected

    async def tell_each_fact_once(self) -> None:
        async with self.store.session() as session:
            rows = (await session.execute(select(outbox.events))).mappings().all()
        told = [(row["subject"], row["type"], row["data"]["refund_id"]) for row in rows]
        assert len(told) == len(set(told))

    def asked(self, order: str, wish: str, amount: int) -> Coroutine[Any, Any, Payment]:
        """The wish as a caller puts it; of a refund the amount is its id too."""
        match wish:
            case "authorise":
                return self.payments.authorise(
                    order,
                    AuthorisePayment(
                        amount=Money(amount=AMOUNT, currency="EUR"), method=METHOD[order], customer="ann"
                    ),
                )
            case "refund":
                refund = RefundPayment(amount=Money(amount=amount, currency="EUR"))
                return self.payments.refund(order, f"r{amount}", refund)
            case _:
                return getattr(self.payments, wish)(order)  # type: ignore[no-any-return]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)


_schema: list[Path] = []


def _empty() -> Path:
    if not _schema:
        path = Path(tempfile.mkdtemp()) / "payment.db"
        asyncio.new_event_loop().run_until_complete(migrated(f"sqlite:///{path}"))
        _schema.append(path)
    return _schema[0]


TestShopping = Shopping.TestCase
TestShopping.settings = settings(
    max_examples=300 if os.environ.get("SHOP_TEST_LONG") else 20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
