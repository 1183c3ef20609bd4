"""Notification's events, stream `notification`.

The aggregate, and subject, is whom it is about: the `sub` of the tokens, or `address:` and a digest
of the address where there is none; of what the service tells itself it is `work`.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shop_contracts.notification.api import Channel

STREAM = "notification"
SENT: Literal["sent"] = "sent"
INBOX_READ: Literal["inbox.read"] = "inbox.read"
WORK_DUE: Literal["work.due"] = "work.due"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sent(_Event):
    """A message was handed over: to the mail server, the gateway of SMS or push, or it lies in the inbox."""

    notification_id: UUID
    """Of the message; each of its channels has an event of its own."""
    subject: str | None
    """None where only an address is known."""
    channel: Channel
    template: str


class InboxRead(_Event):
    """Somebody has read something in the inbox of the shop."""

    subject: str


class WorkDue(_Event):
    """The time of something that waited has come: it wakes a worker where none runs."""
