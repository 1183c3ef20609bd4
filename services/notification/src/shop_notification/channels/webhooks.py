"""SMS and push: posted to a gateway, signed, and again under the same id until it takes it.

The gateway knows a repetition by the id, so nothing is lost and nothing arrives twice.
"""

import time
from abc import ABC, abstractmethod

import httpx
from pydantic import BaseModel
from shop_contracts.notification.api import SIGNATURE_HEADER, PushRequest, SmsRequest
from shop_contracts.signature import sign

from shop_notification.channels import HandOver, Later, Outcome, Parcel, Refused, Sent

SECONDS = 10.0
_PASSING = frozenset({408, 409, 425, 429})


class Webhook(ABC):
    """A gateway that takes messages by HTTP."""

    def __init__(self, url: str, secret: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network."""
        self._url = url
        self._secret = secret
        self._transport = transport

    @abstractmethod
    def body(self, parcel: Parcel) -> BaseModel:
        """What is posted."""

    async def send(self, parcel: Parcel, hand_over: HandOver) -> Outcome:
        """As the protocol says; there is nothing to write down first."""
        content = self.body(parcel).model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(parcel.id),
            SIGNATURE_HEADER: sign(self._secret, int(time.time()), content),
        }
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, transport=self._transport) as http:
                answer = await http.post(self._url, content=content, headers=headers)
        except httpx.HTTPError as error:
            return Later(f"{type(error).__name__}: {error}")
        if answer.is_success:
            return Sent()
        reason = f"answered {answer.status_code}"
        refused = 400 <= answer.status_code < 500 and answer.status_code not in _PASSING
        return Refused(reason) if refused else Later(reason)


class Sms(Webhook):
    """To a phone."""

    def body(self, parcel: Parcel) -> SmsRequest:
        """As the base says."""
        return SmsRequest(id=parcel.id, to=parcel.to, text=parcel.words.sms)


class Push(Webhook):
    """To an application or browser."""

    def body(self, parcel: Parcel) -> PushRequest:
        """As the base says."""
        words = parcel.words
        return PushRequest(
            id=parcel.id, endpoint=parcel.to, title=words.title, text=words.short, link=parcel.link
        )
