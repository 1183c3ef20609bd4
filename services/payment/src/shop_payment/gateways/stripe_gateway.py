"""Stripe, by its own SDK: a PaymentIntent per order, captured by hand (https://docs.stripe.com/api).

A method is a PaymentMethod's id (`pm_…`), as Stripe's own form in the browser makes it. Stripe keeps
an idempotency key for a day, and its search is up to a minute late.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

import stripe
import structlog
from pydantic import SecretStr

from shop_payment.domain import Charge, ChargeRefund, ChargeStatus, RefundStatus
from shop_payment.gateways import NotGenuine, Order, Refused, Told, Unanswered

log = structlog.get_logger(__name__)

_STATUS: dict[str, ChargeStatus] = {
    "requires_confirmation": "pending",
    "processing": "pending",
    "requires_action": "action_required",
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "voided",
}
_REFUNDS: dict[str, RefundStatus] = {"succeeded": "done", "failed": "refused", "canceled": "refused"}
_REASONS = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "payment_intent_authentication_failure": "authentication_failed",
    "resource_missing": "unknown_method",
}
_EXPAND = ["latest_charge.balance_transaction", "latest_charge.refunds"]


class StripeGateway:
    """The gateway called `stripe`."""

    name = "stripe"
    settles = 120.0
    key_life = 23 * 3600.0

    def __init__(
        self,
        key: SecretStr,
        webhook_secret: SecretStr,
        *,
        url: str | None = None,
        timeout: float = 5.0,
        return_url: str | None = None,
        tolerance: int = 300,
    ) -> None:
        """`url`: None is Stripe's own. `tolerance`: seconds that the signature of a webhook may be old."""
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._client = stripe.StripeClient(
            key.get_secret_value(),
            http_client=self._http,
            base_addresses={"api": url.rstrip("/")} if url else {},
            max_network_retries=0,  # what is not answered is asked again by payment itself
        )
        self._secret = webhook_secret
        self._return_url = return_url
        self._tolerance = tolerance

    async def start(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def stop(self) -> None:
        """Closes all connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def authorise(self, key: str, order: Order) -> Charge:
        """As Gateway."""
        params: dict[str, Any] = {
            "amount": order.amount,
            "currency": order.currency.lower(),
            "capture_method": "manual",
            "confirm": True,
            "payment_method": order.method,
            "payment_method_types": ["card"],
            "metadata": {"key": key, "order_id": order.id},
            "expand": _EXPAND,
        }
        if order.description:
            params["description"] = order.description
        if self._return_url:
            params["return_url"] = self._return_url
        intents = self._client.v1.payment_intents
        try:
            return _charge(await _asked(intents.create_async(params, {"idempotency_key": key})))  # type: ignore[arg-type]
        except _No as error:
            log.info("stripe declines", order_id=order.id, code=error.code)
            if error.intent is not None:
                return _charge(error.intent)
            reason = _REASONS.get(error.code, "declined")
            return Charge("", key, "declined", order.amount, order.currency, reason=reason)

    async def capture(self, key: str, charge_id: str) -> Charge:
        """As Gateway."""
        work = self._client.v1.payment_intents.capture_async(
            charge_id, {"expand": _EXPAND}, {"idempotency_key": key}
        )
        return _charge(await _asked(work))

    async def void(self, key: str, charge_id: str) -> Charge:
        """As Gateway."""
        work = self._client.v1.payment_intents.cancel_async(
            charge_id, {"expand": _EXPAND}, {"idempotency_key": key}
        )
        return _charge(await _asked(work))

    async def refund(self, key: str, charge_id: str, refund_id: str, amount: int) -> Charge:
        """As Gateway."""
        work = self._client.v1.refunds.create_async(
            {
                "payment_intent": charge_id,
                "amount": amount,
                "metadata": {"key": key, "refund_id": refund_id},
            },
            {"idempotency_key": key},
        )
        await _asked(work)
        return await self._read(charge_id)

    async def find(self, key: str, charge_id: str | None) -> Charge | None:
        """As Gateway."""
        try:
            if charge_id:
                return await self._read(charge_id)
            query = {"query": f"metadata['key']:'{key}'", "expand": [f"data.{path}" for path in _EXPAND]}
            found = await _asked(self._client.v1.payment_intents.search_async(query))  # type: ignore[arg-type]
        except Refused as error:
            raise Unanswered(str(error)) from error
        return _charge(found.data[0]) if found.data else None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Told:
        """As Gateway. The event is a hint: what it is about is read afresh, with all that belongs to it."""
        given, secret = headers.get("Stripe-Signature", ""), self._secret.get_secret_value()
        if not secret:
            raise NotGenuine("STRIPE_WEBHOOK_SECRET is not set: nothing can be recognised")
        try:
            event = stripe.Webhook.construct_event(body, given, secret, self._tolerance).to_dict()
        except (ValueError, stripe.SignatureVerificationError):
            raise NotGenuine("not signed by Stripe with the secret that is known here, or too old") from None
        about = event["data"]["object"]
        intent = about.get("id") if about.get("object") == "payment_intent" else about.get("payment_intent")
        if not isinstance(intent, str):
            return Told(event["id"], event["type"], None)
        return Told(event["id"], event["type"], await self.find("", intent))

    async def _read(self, charge_id: str) -> Charge:
        """Raises Unanswered, Refused."""
        return _charge(
            await _asked(self._client.v1.payment_intents.retrieve_async(charge_id, {"expand": _EXPAND}))
        )


class _No(Refused):
    """Stripe says no to a payment."""

    def __init__(self, code: str, intent: Any) -> None:
        super().__init__(f"stripe: {code}")
        self.code = code
        self.intent = intent


async def _asked(work: Awaitable[Any]) -> Any:
    """Raises Unanswered, Refused. What Stripe writes for people stays out of logs and answers."""
    try:
        return await work
    except stripe.CardError as error:
        raise _No(_code(error), getattr(error.error, "payment_intent", None)) from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 409:  # another request with the key is under way
            raise Unanswered(f"stripe: {_code(error)}") from error
        raise _No(_code(error), None) from error
    except stripe.StripeError as error:
        raise Unanswered(f"stripe: {type(error).__name__} {_code(error)}") from error


def _code(error: stripe.StripeError) -> str:
    decline = getattr(error.error, "decline_code", None) if error.error else None
    return str(decline or error.code or error.http_status)


def _charge(said: Any) -> Charge:
    intent: dict[str, Any] = said if isinstance(said, dict) else said.to_dict()
    failure = intent.get("last_payment_error") or {}
    status = _STATUS.get(intent["status"], "declined" if failure else "pending")
    latest = intent.get("latest_charge")
    latest = {} if latest is None or isinstance(latest, str) else latest
    paid = latest.get("balance_transaction")
    refunds = latest.get("refunds") or {}
    metadata = intent.get("metadata") or {}
    action = intent.get("next_action") or {}
    return Charge(
        id=intent["id"],
        key=metadata.get("key") or "",
        status=status,
        amount=intent["amount"],
        currency=intent["currency"].upper(),
        captured=intent.get("amount_received") or 0 if status == "captured" else 0,
        fee=paid["fee"] if paid and not isinstance(paid, str) and status == "captured" else 0,
        reason=_reason(failure) if status == "declined" else None,
        action_url=(action.get("redirect_to_url") or {}).get("url") if status == "action_required" else None,
        refunds=tuple(_refund(refund) for refund in refunds.get("data") or []),
    )


def _reason(failure: Any) -> str:
    codes = (failure.get("decline_code"), failure.get("code"))
    return next((_REASONS[code] for code in codes if code in _REASONS), "declined")


def _refund(refund: Any) -> ChargeRefund:
    return ChargeRefund(
        key=(refund.get("metadata") or {}).get("key") or refund["id"],
        amount=refund["amount"],
        status=_REFUNDS.get(refund.get("status") or "", "pending"),
        reason=refund.get("failure_reason") or "",
    )
