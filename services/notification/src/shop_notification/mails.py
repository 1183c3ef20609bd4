"""A mail as the bytes that a server is given."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from shop_chassis.tables import utc_now

from shop_notification.channels import Parcel

POLICY = SMTP.clone(max_line_length=78, cte_type="7bit")
_MESSAGE_ID = re.compile(r"<([0-9a-f-]{36})@[^>]+>")
_LINE_BEGINS_WITH_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True)
class Mail:
    """Envelope and content."""

    envelope_from: str
    content: bytes


def composed(parcel: Parcel, sender: str) -> Mail:
    """Text and HTML, as alternatives (RFC 2046), with the headers that mail programs look for.

    The Message-ID is made of the delivery's id, so each try has the same one, and a report about it can be
    understood. The headers of RFC 2369 and 8058 put "Unsubscribe" beside the sender's name.
    """
    address = parseaddr(sender)[1]
    mail = EmailMessage(policy=POLICY)
    mail["From"] = sender
    mail["To"] = parcel.to
    mail["Subject"] = " ".join(parcel.words.subject.split())
    mail["Date"] = format_datetime(utc_now())
    mail["Message-ID"] = message_id(parcel.id, address)
    mail["Auto-Submitted"] = "auto-generated"
    if parcel.unsubscribe:
        mail["List-Unsubscribe"] = f"<{parcel.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(parcel.text, cte="quoted-printable")
    mail.add_alternative(parcel.html, subtype="html", cte="quoted-printable")
    return Mail(address, mail.as_bytes())


def message_id(delivery: UUID, sender: str) -> str:
    """Of a mail, for good."""
    return f"<{delivery}@{sender.rpartition('@')[2]}>"


def delivery_of(message_id: str) -> UUID | None:
    """The delivery that a Message-ID is of; None for one that is not from here."""
    found = _MESSAGE_ID.fullmatch(message_id)
    try:
        return UUID(found.group(1)) if found else None
    except ValueError:
        return None


def stuffed(content: bytes) -> bytes:
    """As it goes over the wire (RFC 5321, section 4.5.2), without the final dot."""
    content = _LINE_BEGINS_WITH_DOT.sub(b"..", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"
