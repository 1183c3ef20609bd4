"""What has arrived, and what is to go wrong. In memory: it is for tests and demonstrations."""

from collections import deque
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from shop_chassis.tables import new_id, utc_now
from shop_contracts.notification.api import PushRequest, SmsRequest

KEPT = 1000

Stage = Literal["connect", "mail", "rcpt", "data", "body", "answer"]
"""Where a mail can fail: at the greeting, a command, within the mail, or after all of it was taken."""


class Mail(BaseModel):
    """A mail as the server took it."""

    id: UUID = Field(default_factory=new_id)
    at: AwareDatetime = Field(default_factory=utc_now)
    sender: str
    to: list[str]
    message_id: str
    subject: str
    unsubscribe: str | None
    text: str
    html: str


class MailPage(BaseModel):
    """Newest first."""

    items: list[Mail]


class Short(BaseModel):
    """An SMS or a push message; one for each id, however often it was posted."""

    id: UUID
    at: AwareDatetime = Field(default_factory=utc_now)
    channel: Literal["sms", "push"]
    to: str
    title: str = ""
    text: str
    posted: int = 1
    """How often."""


class ShortPage(BaseModel):
    """Newest first."""

    items: list[Short]


class Fault(BaseModel):
    """Something that goes wrong on purpose."""

    stage: Stage
    how: str = Field(default="cut", pattern=r"^(cut|[45][0-9]{2} [ -~]{1,200})$", max_length=210)
    """`cut`: the connection is broken; else the answer, as `451 4.3.0 try again`."""
    to: str | None = None
    """Only mails to this address; at `connect` and `mail` nobody knows it yet."""
    times: int = Field(default=1, ge=1, le=1_000_000)
    kept: bool = True
    """At `answer`: whether the mail was delivered, though the client does not hear of it."""


class Faults(BaseModel):
    """What goes wrong, in this order, and how often it did."""

    items: list[Fault] = Field(default=[], max_length=100)
    happened: int = 0


class Post:
    """All that there is."""

    def __init__(self) -> None:
        self.mails: deque[Mail] = deque(maxlen=KEPT)
        self.shorts: dict[UUID, Short] = {}
        self.faults: list[Fault] = []
        self.happened = 0

    def take(self, sender: str, to: list[str], content: bytes) -> Mail:
        """A mail has arrived."""
        parsed = message_from_bytes(content, policy=policy.default)
        mail = Mail(
            sender=sender,
            to=to,
            message_id=str(parsed["Message-ID"] or ""),
            subject=str(parsed["Subject"] or ""),
            unsubscribe=str(parsed["List-Unsubscribe"]).strip("<>") if parsed["List-Unsubscribe"] else None,
            text=_part(parsed, "plain"),
            html=_part(parsed, "html"),
        )
        self.mails.appendleft(mail)
        return mail

    def take_short(self, said: SmsRequest | PushRequest) -> None:
        """A short message was posted; again under the same id it is the same one."""
        if (known := self.shorts.get(said.id)) is not None:
            self.shorts[said.id] = known.model_copy(update={"posted": known.posted + 1})
            return
        while len(self.shorts) >= KEPT:
            self.shorts.pop(next(iter(self.shorts)))
        if isinstance(said, SmsRequest):
            self.shorts[said.id] = Short(id=said.id, channel="sms", to=said.to, text=said.text)
        else:
            self.shorts[said.id] = Short(
                id=said.id, channel="push", to=said.endpoint, title=said.title, text=said.text
            )

    def mails_to(self, address: str | None) -> Iterator[Mail]:
        """Newest first."""
        wanted = address.casefold() if address else None
        return (mail for mail in self.mails if wanted is None or wanted in map(str.casefold, mail.to))

    def fault(self, stage: Stage, to: str | None = None) -> Fault | None:
        """What is to go wrong here; it has happened then."""
        for number, each in enumerate(self.faults):
            if each.stage == stage and each.to in (None, to):
                self.happened += 1
                self.faults[number] = each.model_copy(update={"times": each.times - 1})
                if each.times == 1:
                    del self.faults[number]
                return each
        return None


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
