"""The test gateway, over HTTP."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from shop_chassis.client import CalleeUnavailable, CallRefused, ServiceClient
from shop_contracts.signature import BadSignature, verify
from shop_contracts.testgateway import api

from shop_payment.domain import Charge, ChargeRefund
from shop_payment.gateways import NotGenuine, Order, Refused, Told, Unanswered


class TestGateway:
    """The gateway called `test`."""

    __test__ = False  # pytest takes its name for a test's
    name = "test"
    settles = 30.0
    key_life = float("inf")

    def __init__(
        self,
        client: ServiceClient,
        key: SecretStr,
        webhook_secret: SecretStr,
        *,
        return_url: str | None = None,
        tolerance: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`tolerance`: seconds that the signature of a webhook may be old."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._secret = webhook_secret
        self._return_url = return_url
        self._tolerance = tolerance
        self._clock = clock

    async def authorise(self, key: str, order: Order) -> Charge:
        """As Gateway."""
        new = api.NewCharge(
            amount=order.amount,
            currency=order.currency,
            method=order.method,
            reference=order.id,
            description=order.description,
            return_url=self._return_url,
        )
        try:
            return await self._post("/v1/charges", key, new)
        except CallRefused as error:
            if error.status == 402 and "charge" in error.problem:
                return _charge(api.Charge.model_validate(error.problem["charge"]))
            raise Unanswered(str(error)) from error  # set up wrongly: no word about the shopper's money

    async def capture(self, key: str, charge_id: str) -> Charge:
        """As Gateway."""
        return await _refusable(self._post("/v1/charges/{id}/capture", key, id=charge_id))

    async def void(self, key: str, charge_id: str) -> Charge:
        """As Gateway."""
        return await _refusable(self._post("/v1/charges/{id}/void", key, id=charge_id))

    async def refund(self, key: str, charge_id: str, refund_id: str, amount: int) -> Charge:
        """As Gateway."""
        new = api.NewRefund(amount=amount, reference=refund_id)
        return await _refusable(self._post("/v1/charges/{id}/refunds", key, new, id=charge_id))

    async def find(self, key: str, charge_id: str | None) -> Charge | None:
        """As Gateway."""
        try:
            found = await self._client.call(
                "GET", "/v1/charges", params={"key": key}, headers=self._headers, into=api.ChargeList
            )
        except (CalleeUnavailable, CallRefused) as error:
            raise Unanswered(str(error)) from error
        return _charge(found.items[0]) if found.items else None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Told:
        """As Gateway."""
        given, secret = headers.get(api.SIGNATURE_HEADER, ""), self._secret.get_secret_value()
        if not secret:
            raise NotGenuine("WEBHOOK_SECRET is not set: nothing can be recognised")
        try:
            verify(secret, given, body, now=self._clock(), tolerance=self._tolerance)
            event = api.WebhookEvent.model_validate_json(body)
        except BadSignature as error:
            raise NotGenuine(str(error)) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise NotGenuine(f"not an event of the contract: {first['loc']}: {first['msg']}") from None
        return Told(event.id, event.type, _charge(event.charge))

    async def _post(self, route: str, key: str, body: BaseModel | None = None, **path: str) -> Charge:
        """Raises Unanswered, CallRefused."""
        try:
            return _charge(
                await self._client.call(
                    "POST",
                    route,
                    path=path,
                    body=body,
                    headers=self._headers,
                    idempotency_key=key,
                    into=api.Charge,
                )
            )
        except CalleeUnavailable as error:
            raise Unanswered(str(error)) from error


async def _refusable(work: Awaitable[Charge]) -> Charge:
    try:
        return await work
    except CallRefused as error:
        if error.status == 409:
            raise Refused(str(error)) from error
        raise Unanswered(str(error)) from error


def _charge(said: api.Charge) -> Charge:
    known: dict[str, Any] = said.model_dump(include={"id", "key", "status", "amount", "currency"})
    return Charge(
        **known,
        captured=said.captured,
        fee=said.fee,
        reason=said.reason,
        action_url=said.action_url,
        refunds=tuple(ChargeRefund(refund.key, refund.amount) for refund in said.refunds),
    )
