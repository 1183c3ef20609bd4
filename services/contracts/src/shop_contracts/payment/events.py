"""Payment's events; the aggregate, and the event's subject, is the order's id. Stream `payment`.

Each carries the whole payment as it was then. One is told once per fact: `payment.refunded` per refund.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shop_contracts.payment.api import Payment

STREAM = "payment"
PAYMENT_AUTHORISED: Literal["payment.authorised"] = "payment.authorised"
PAYMENT_DECLINED: Literal["payment.declined"] = "payment.declined"
PAYMENT_ACTION_REQUIRED: Literal["payment.action_required"] = "payment.action_required"
PAYMENT_CAPTURED: Literal["payment.captured"] = "payment.captured"
PAYMENT_VOIDED: Literal["payment.voided"] = "payment.voided"
PAYMENT_REFUNDED: Literal["payment.refunded"] = "payment.refunded"


class PaymentChanged(BaseModel):
    """The data of every event of this stream."""

    model_config = ConfigDict(frozen=True)

    payment: Payment
    refund_id: str | None = None
    """Which refund was made: of `payment.refunded` alone."""
