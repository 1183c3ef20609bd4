"""A gateway in memory that does what a gateway must, and loses, repeats and delays what it may."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shop_payment.domain import Charge, ChargeRefund
from shop_payment.gateways import NotGenuine, Order, Refused, Told, Unanswered


class Crash(Exception):  # noqa: N818
    """The process dies here."""


@dataclass
class ModelGateway:
    """Exactly once by key. `faults` are what happens to the next calls that change something."""

    name: str = "test"
    settles: float = 30.0
    key_life: float = float("inf")
    down: bool = False
    charges: dict[str, Charge] = field(default_factory=dict)
    """By the key of the authorisation."""
    orders: dict[str, str] = field(default_factory=dict)
    """Order by charge."""
    told: list[Told] = field(default_factory=list)
    """Webhooks, in the order of the changes."""
    faults: list[str] = field(default_factory=list)
    """`lost_before`, `lost_after`, `delayed`, `crash_before`, `crash_after` or `none`."""
    calls: list[str] = field(default_factory=list)
    late: list[tuple[str, Order]] = field(default_factory=list)
    """Authorisations that are still on their way."""
    keys: set[str] = field(default_factory=set)
    """That had their effect."""

    async def authorise(self, key: str, order: Order) -> Charge:
        fault = self._begin("authorise", key)
        if fault == "delayed":
            self.late.append((key, order))
            raise Unanswered("on its way")
        if key not in self.charges:
            outcome = {"tok_declined": "declined", "tok_3ds": "action_required"}
            charge = Charge(
                id=f"ch_{len(self.charges) + 1}",
                key=key,
                status=outcome.get(order.method, "authorised"),  # type: ignore[arg-type]
                amount=order.amount,
                currency=order.currency,
                reason="declined" if order.method == "tok_declined" else None,
                action_url="https://gateway/challenge" if order.method == "tok_3ds" else None,
            )
            self.orders[charge.id] = order.id
            self._change(charge)
        return self._end(fault, key)

    async def capture(self, key: str, charge_id: str) -> Charge:
        fault, charge = self._begin("capture", key), self._charge(charge_id)
        if self._first(key):
            if charge.status != "authorised":
                self.keys.remove(key)
                raise Refused(f"cannot capture what is {charge.status}")
            fee = charge.amount // 100
            self._change(replace(charge, status="captured", captured=charge.amount, fee=fee))
        return self._end(fault, charge.key)

    async def void(self, key: str, charge_id: str) -> Charge:
        fault, charge = self._begin("void", key), self._charge(charge_id)
        if self._first(key):
            if charge.status not in ("authorised", "action_required"):
                self.keys.remove(key)
                raise Refused(f"cannot void what is {charge.status}")
            self._change(replace(charge, status="voided", action_url=None))
        return self._end(fault, charge.key)

    async def refund(self, key: str, charge_id: str, refund_id: str, amount: int) -> Charge:
        fault, charge = self._begin("refund", key), self._charge(charge_id)
        if self._first(key):
            if charge.status != "captured" or self.refunded(charge) + amount > charge.captured:
                self.keys.remove(key)
                raise Refused("cannot refund so much")
            self._change(replace(charge, refunds=(*charge.refunds, ChargeRefund(key, amount))))
        return self._end(fault, charge.key)

    async def find(self, key: str, charge_id: str | None) -> Charge | None:
        if self.down:
            raise Unanswered("down")
        self.calls.append("find")
        return self.charges.get(key)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Told:
        raise NotGenuine("the model hands its webhooks over itself")

    def complete(self, order_id: str, *, approved: bool) -> None:
        """The shopper answers a challenge, if there is one."""
        for charge in list(self.charges.values()):
            if self.orders[charge.id] == order_id and charge.status == "action_required":
                status = "authorised" if approved else "declined"
                reason = None if approved else "authentication_failed"
                self._change(replace(charge, status=status, reason=reason, action_url=None))  # type: ignore[arg-type]

    async def arrive(self) -> None:
        """What was on its way is there."""
        late, self.late = self.late, []
        for key, order in late:
            await self.authorise(key, order)

    def of(self, order_id: str) -> Charge | None:
        """The order's only charge."""
        found = [charge for charge in self.charges.values() if self.orders[charge.id] == order_id]
        assert len(found) <= 1, f"charged twice: {found}"
        return found[0] if found else None

    @staticmethod
    def refunded(charge: Charge) -> int:
        return sum(refund.amount for refund in charge.refunds)

    def _begin(self, what: str, key: str) -> str:
        if self.down:
            raise Unanswered("down")
        fault = self.faults.pop(0) if self.faults else "none"
        if fault == "lost_before" or (fault == "delayed" and what != "authorise"):
            raise Unanswered("lost on the way there")
        if fault == "crash_before":
            raise Crash
        self.calls.append(what)
        return fault

    def _end(self, fault: str, key: str) -> Charge:
        if fault == "lost_after":
            raise Unanswered("lost on the way back")
        if fault == "crash_after":
            raise Crash
        return self.charges[key]

    def _first(self, key: str) -> bool:
        if key in self.keys:
            return False
        self.keys.add(key)
        return True

    def _charge(self, charge_id: str) -> Charge:
        return next(charge for charge in self.charges.values() if charge.id == charge_id)

    def _change(self, charge: Charge) -> None:
        self.charges[charge.key] = charge
        self.told.append(Told(f"evt_{len(self.told)}", f"charge.{charge.status}", charge))
