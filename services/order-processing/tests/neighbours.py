"""Warehouse, payment, logistics and catalog as their contracts say, in memory: idempotent, with tombstones.

`World.arrive` is one HTTP request at one of them; what becomes of it on the way is its fate. Effects are
counted, so that a test sees whether anything happened twice.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel
from shop_chassis.client import CallRefused, DeadlineExceeded, NotFound, ServerError, Unreachable
from shop_contracts.address import Address
from shop_contracts.logistics import events as logistics
from shop_contracts.money import Money
from shop_contracts.order_taking.api import OrderLine
from shop_contracts.order_taking.events import OrderPlaced
from shop_contracts.payment import events as payment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Fate = Literal["well", "lost", "late", "twice", "error"]
"""Of a request: answered; never arrived; its answer did not arrive; arrived twice; 503 before it acted."""

Answer = tuple[int, dict[str, Any]]
Said = tuple[str, str, BaseModel]
"""An event: stream, type, data."""

NOW = "2026-11-21T12:00:00Z"
_FOLLOWS = {
    "allocated": ["dispatched"],
    "dispatched": ["in_transit", "delivered", "failed"],
    "in_transit": ["delivered", "failed"],
    "failed": ["in_transit", "delivered", "returning"],
    "returning": ["returned"],
}
LAMP = UUID("018f6d2e-6f00-7cc0-8000-000000000001")
CUP = UUID("018f6d2e-6f00-7cc0-8000-000000000002")


def refuse(type: str) -> Answer:
    return 409, {"type": type, "title": "Conflict", "status": 409, "detail": type}


@dataclass
class World:
    """All four, what they have told, and what became of each thing."""

    stock: dict[UUID, int] = field(default_factory=lambda: {LAMP: 5, CUP: 5})
    reservations: dict[str, dict[str, Any]] = field(default_factory=dict)
    returned: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    shipments: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    uses: dict[str, str] = field(default_factory=dict)
    told: list[Said] = field(default_factory=list)
    """Events that have not been delivered yet."""
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often something happened: (what, id)."""
    asked: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    """Callee, method, path and Idempotency-Key of every request that arrived."""
    late_webhook: bool = False
    """A capture is told of by an event alone."""

    # The way

    def arrive(self, callee: str, method: str, path: str, body: Any, key: str | None = None) -> Answer:
        """A request at its neighbour."""
        self.asked.append((callee, method, path, key))
        match callee:
            case "warehouse":
                return self._warehouse(method, path, body)
            case "payment":
                return self._payment(method, path, body)
            case "logistics":
                return self._logistics(method, path, body)
            case _:
                return self._catalog(method, path, body)

    def client(self, callee: str, fate: Callable[[], Fate]) -> "Direct":
        """As the engine's rules see it, without a network."""
        return Direct(self, callee, fate)

    def app(self) -> Starlette:
        """All four, each below its name."""

        async def serve(request: Request) -> Response:
            raw = await request.body()
            _, callee, path = request.url.path.split("/", 2)
            key = request.headers.get("Idempotency-Key")
            content = json.loads(raw) if raw else None
            status, said = self.arrive(callee, request.method, f"/{path}", content, key)
            kind = "application/problem+json" if status >= 400 else "application/json"
            return JSONResponse(said, status, media_type=kind)

        return Starlette(routes=[Route("/{path:path}", serve, methods=["GET", "PUT", "POST", "DELETE"])])

    def transport(self, way: "Way") -> httpx.AsyncBaseTransport:
        """For a ServiceClient: all four behind an unreliable way, without a socket."""
        return _Transport(httpx.ASGITransport(self.app()), way)

    # Warehouse

    def available(self, product: UUID) -> int:
        held = sum(
            line["quantity"]
            for each in self.reservations.values()
            if each["state"] in ("held", "committed")
            for line in each["lines"]
            if line["product_id"] == str(product)
        )
        return self.stock.get(product, 0) - held

    def _enough(self, lines: list[dict[str, Any]]) -> bool:
        return all(self.available(UUID(line["product_id"])) >= line["quantity"] for line in lines)

    def _warehouse(self, method: str, path: str, body: Any) -> Answer:
        if found := re.fullmatch(r"/internal/returns/(.+)", path):
            return self._restock(found[1], body)
        found = re.fullmatch(r"/internal/reservations/([^:]+)(?::(\w+))?", path)
        assert found, path
        order, verb = found[1], found[2] or method
        mine = self.reservations.get(order)
        match verb, mine and mine["state"]:
            case ("PUT", None):
                lines = [line | {"warehouse": "rotterdam"} for line in body["lines"]]
                if not self._enough(lines):
                    return refuse("out-of-stock")
                self.reservations[order] = mine = {"order_id": order, "state": "held", "lines": lines}
                self.effects["reserved", order] += 1
            case ("PUT" | "commit", "released"):
                return refuse("released")
            case ("commit", "held" | "expired"):
                if mine["state"] == "expired" and not self._enough(mine["lines"]):
                    return refuse("out-of-stock")
                mine["state"] = "committed"
                self.effects["committed", order] += 1
            case ("ship", "committed"):
                for line in mine["lines"]:
                    self.stock[UUID(line["product_id"])] -= line["quantity"]
                mine["state"] = "shipped"
                self.effects["left", order] += 1
            case ("ship", "held" | "expired" | "released" | None) | ("DELETE", "shipped"):
                return refuse("illegal-state")
            case ("DELETE", None):
                self.reservations[order] = mine = {"order_id": order, "state": "released", "lines": []}
            case ("DELETE", _):
                mine["state"] = "released"
            case ("GET" | "commit", None):
                return 404, {"status": 404}
        return 200, mine | {"expires_at": NOW if mine["state"] == "held" else None}

    def _restock(self, id: str, body: Any) -> Answer:
        if id not in self.returned:
            for line in body["lines"]:
                if line["resell"]:
                    self.stock[UUID(line["product_id"])] += line["quantity"]
            lines = [line | {"warehouse": "rotterdam"} for line in body["lines"]]
            self.returned[id] = {"return_id": id, "received_at": NOW} | body | {"lines": lines}
            self.effects["restocked", id] += 1
        return 200, self.returned[id]

    def lapse(self, order: str) -> None:
        """A hold's time is over."""
        if self.reservations.get(order, {}).get("state") == "held":
            self.reservations[order]["state"] = "expired"

    # Payment: the method's token says what becomes of it

    def _payment(self, method: str, path: str, body: Any) -> Answer:
        found = re.fullmatch(r"/internal/payments/([^:/]+)(?::(\w+)|/refunds/(.+))?", path)
        assert found, path
        order, verb = found[1], found[2] or ("refund" if found[3] else method)
        mine = self.payments.get(order)
        match verb, mine and mine["state"]:
            case ("PUT", None):
                self._authorise(order, body)
            case ("capture", "authorised"):
                mine["captured"] = mine["amount"]
                mine["state"] = "captured"
                self.effects["captured", order] += 1
                self._tell_payment(order, payment.PAYMENT_CAPTURED)
                if self.late_webhook:
                    return 200, mine | {"state": "authorised", "captured": mine["refunded"]}
            case ("capture", "pending" | "action_required" | "declined" | "voided"):
                return refuse("illegal-state")
            case ("void", None):
                nothing = {"amount": 0, "currency": "XXX"}
                self.payments[order] = self._new(order, "voided", nothing)
            case ("void", "pending" | "action_required" | "authorised"):
                mine["state"] = "voided"
                self._tell_payment(order, payment.PAYMENT_VOIDED)
            case ("void", "captured" | "partially_refunded" | "refunded"):
                return refuse("illegal-state")
            case ("refund", "captured" | "partially_refunded" | "refunded"):
                return self._refund(order, found[3], body["amount"]["amount"])
            case ("refund", _):
                return refuse("illegal-state")
            case (_, None):
                return 404, {"status": 404}
        return 200, self.payments[order]

    def _new(self, order: str, state: str, amount: dict[str, Any]) -> dict[str, Any]:
        zero = {"amount": 0, "currency": amount["currency"]}
        return {
            "order_id": order,
            "state": state,
            "amount": amount,
            "captured": zero,
            "refunded": zero,
            "reason": "insufficient_funds" if state == "declined" else None,
            "action_url": f"https://bank.example/{order}" if state == "action_required" else None,
            "gateway": "test",
            "refunds": [],
        }

    def _authorise(self, order: str, body: Any) -> None:
        becomes = {"tok_declined": "declined", "tok_3ds": "action_required", "tok_slow": "pending"}
        state = becomes.get(body["method"], "authorised")
        self.payments[order] = self._new(order, state, body["amount"])
        self.effects["authorised", order] += 1
        if state != "pending":
            self._tell_payment(order, f"payment.{state}")

    def answer_challenge(self, order: str, agreed: bool) -> None:
        """What the shopper, or the gateway, finally says."""
        mine = self.payments.get(order)
        if mine and mine["state"] in ("pending", "action_required"):
            mine["state"] = "authorised" if agreed else "declined"
            mine["reason"] = None if agreed else "authentication_failed"
            mine["action_url"] = None
            self._tell_payment(order, f"payment.{mine['state']}")

    def _refund(self, order: str, id: str, amount: int) -> Answer:
        mine = self.payments[order]
        if id not in [refund["id"] for refund in mine["refunds"]]:
            if mine["refunded"]["amount"] + amount > mine["captured"]["amount"]:
                return refuse("too-much")
            money = {"amount": amount, "currency": mine["amount"]["currency"]}
            mine["refunds"].append({"id": id, "amount": money, "reason": "", "state": "done"})
            whole = mine["refunded"]["amount"] + amount
            mine["refunded"] = money | {"amount": whole}
            everything = whole == mine["captured"]["amount"]
            mine["state"] = "refunded" if everything else "partially_refunded"
            self.effects["refunded", id] += 1
            self._tell_payment(order, payment.PAYMENT_REFUNDED)
        return 200, mine

    def _tell_payment(self, order: str, type: str) -> None:
        data = payment.PaymentChanged.model_validate({"payment": self.payments[order]})
        self.told.append(("payment", type, data))

    # Logistics

    def _logistics(self, method: str, path: str, body: Any) -> Answer:
        found = re.fullmatch(r"/internal/shipments/([^:/]+)(?::(\w+)|/returns/(.+))?", path)
        assert found, path
        order, verb = found[1], found[2] or ("return" if found[3] else method)
        mine = self.shipments.get(order)
        match verb, mine and mine["state"]:
            case ("PUT", None):
                if body["address"]["country"] == "AQ":
                    return refuse("not-deliverable")
                number = f"PP{len(self.shipments):010}"
                self.shipments[order] = {"order_id": order, "state": "allocated", "tracking_number": number}
                self.shipments[order] |= {"carrier": "paketpost", "estimated": "2026-11-24"}
                self.effects["allocated", order] += 1
                self._tell_shipment(order)
            case ("PUT", "cancelled"):
                return refuse("cancelled")
            case ("dispatch", "cancelled"):
                status, problem = refuse("illegal-state")
                return status, problem | {"state": "cancelled"}
            case ("dispatch", "allocated"):
                self.carry(order, "dispatched")
            case ("DELETE", None):
                self.shipments[order] = {"order_id": order, "state": "cancelled"}
            case ("DELETE", "allocated"):
                mine["state"] = "cancelled"
                self._tell_shipment(order)
            case ("DELETE", state) if state != "cancelled":
                return refuse("already-dispatched")
            case ("return", _):
                label = {
                    "return_id": found[3],
                    "order_id": order,
                    "state": "expected",
                    "carrier": "paketpost",
                }
                label |= {
                    "tracking_number": "PPR",
                    "label_url": f"/labels/{found[3]}",
                    "lines": body["lines"],
                }
                self.labels.setdefault(found[3], label)
                return 200, self.labels[found[3]]
            case (_, None):
                return 404, {"status": 404}
        return 200, self.shipments[order]

    def carry(self, order: str, state: str) -> None:
        """The parcel is so far."""
        mine = self.shipments.get(order)
        if mine and state in _FOLLOWS.get(mine["state"], ()):
            mine["state"] = state
            self._tell_shipment(order)

    def _tell_shipment(self, order: str) -> None:
        data = logistics.ShipmentChanged.model_validate({"shipment": self.shipments[order]})
        self.told.append(("logistics", f"shipment.{data.shipment.state}", data))

    def bring_back(self, id: str) -> None:
        """What a shopper sent back is here; told once."""
        label = self.labels.get(id)
        if label and label["state"] == "expected":
            label["state"] = "received"
            data = logistics.ReturnReceived(
                order_id=UUID(label["order_id"]), return_id=UUID(id), lines=label["lines"]
            )
            self.told.append(("logistics", logistics.RETURN_RECEIVED, data))

    # Catalog

    def _catalog(self, method: str, path: str, body: Any) -> Answer:
        order = path.rpartition("/")[2]
        state = self.uses.get(order)
        if method == "DELETE":
            self.uses[order] = "released"
        elif state != "released":
            self.uses[order] = "final" if body["final"] else "held"
        return 200, {"order_id": order, "state": self.uses[order]}


@dataclass
class Direct:
    """A `Client` that never really waits, so that its coroutine runs through at once."""

    world: World
    callee: str
    fate: Callable[[], Fate]

    async def call(self, method: str, route: str, *, into: type[BaseModel], **request: Any) -> Any:
        body = request.get("body")
        content = body.model_dump(mode="json") if body is not None else None
        path = route.format_map({name: str(value) for name, value in request["path"].items()})
        fate = self.fate()
        if fate == "lost":
            raise Unreachable(self.callee, route, "connection refused")
        if fate == "error":
            raise ServerError(self.callee, route, 503, {}, None)
        if fate == "twice":
            self.world.arrive(self.callee, method, path, content)
        status, answer = self.world.arrive(self.callee, method, path, content, request["idempotency_key"])
        if fate == "late":
            raise DeadlineExceeded(self.callee, route, "no answer in 1 s")
        if status == 404:
            raise NotFound(self.callee, route, status, answer)
        if status >= 400:
            raise CallRefused(self.callee, route, status, answer)
        return into.model_validate(answer)


class Way:
    """What happens to requests between here and there; a test overrides what it wants to disturb."""

    async def leaves(self, request: httpx.Request) -> Fate:
        """Before it is sent."""
        return "well"

    async def returns(self, request: httpx.Request) -> None:
        """After it was answered."""


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, way: Way) -> None:
        self._inner = inner
        self._way = way

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fate = await self._way.leaves(request)
        if fate == "lost":
            raise httpx.ConnectError("connection refused")
        if fate == "error":
            return httpx.Response(503, json={"status": 503}, request=request)
        if fate == "twice":
            await self._inner.handle_async_request(request)
        answer = await self._inner.handle_async_request(request)
        await self._way.returns(request)
        if fate == "late":
            raise httpx.ReadTimeout("no answer")
        return answer


def money(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def placed(
    *,
    lines: dict[UUID, int] | None = None,
    method: str = "tok_visa",
    country: str = "DE",
    coupon: str | None = None,
    subject: str = "ann",
    id: UUID | None = None,
    price: int = 4900,
) -> OrderPlaced:
    """What order-taking tells of a new order."""
    made = [
        OrderLine(
            product_id=product,
            sku="LGT-0042",
            title="Oak desk lamp" if product == LAMP else "Cup <b>",
            quantity=quantity,
            unit_price=money(price),
            discount=money(0),
            tax=money(price * quantity * 19 // 119),
            total=money(price * quantity),
            weight_grams=750,
        )
        for product, quantity in (lines or {LAMP: 1}).items()
    ]
    goods = sum(line.total.amount for line in made)
    shipping = 490 if goods else 0
    where = Address(
        name="Ann Example", line1="Lindenallee 12", city="Berlin", postal_code="10115", country=country
    )
    return OrderPlaced(
        order_id=id or uuid4(),
        subject=subject,
        email="ann@example.com",
        lines=made,
        subtotal=money(goods),
        discount=money(0),
        shipping=money(shipping),
        shipping_tax=money(0),
        tax=money(sum(line.tax.amount for line in made)),
        total=money(goods + shipping),
        prices_include_tax=True,
        coupon=coupon,
        shipping_address=where,
        billing_address=where,
        shipping_option="standard",
        payment_method=method,
        locale="en",
        placed_at="2026-11-21T12:00:00Z",
    )
