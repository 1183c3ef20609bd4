"""E-mail over SMTP (RFC 5321).

A mail is the server's once it has read the line with the final dot (section 4.1.1.4), and the client learns
of it by the answer, which may get lost (RFC 1047). So the end of the mail is sent apart, after `hand_over`:
every failure before that dot is certain, one between the dot and the answer is not.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientRefused, SMTPResponse, SMTPResponseException
from shop_chassis.settings import SettingsError

from shop_notification.channels import HandOver, Later, Outcome, Parcel, Refused, Sent, Unknown
from shop_notification.mails import composed, stuffed

TIMEOUT = 15.0
"""Seconds for each answer of the server."""
ANSWER_SECONDS = 45.0
"""For the one after the mail; servers look for viruses then."""
START_INPUT = 354
NO_SUCH_MAILBOX = re.compile(r"5\.(1\.\d+|2\.1)\b")
"""Enhanced status codes (RFC 3463) that speak of the address; 5.7.x would be about us."""


@dataclass(frozen=True)
class Server:
    """Where mails are handed in."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    @classmethod
    def of(cls, url: str) -> "Server":
        """From SMTP_URL. Raises SettingsError, which tells nothing of a password."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise SettingsError("SMTP_URL: expected smtp://[user:password@]host[:port] or smtps://…")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 25),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class Mailer:
    """One connection for each mail: a connection that was cut is nobody else's problem."""

    def __init__(self, server: Server, sender: str) -> None:
        """`sender` is the From of every mail; the envelope has its address."""
        self._server = server
        self._sender = sender

    async def send(self, parcel: Parcel, hand_over: HandOver) -> Outcome:
        """As the protocol says."""
        mail = composed(parcel, self._sender)
        client = self._client()
        try:
            await client.connect()
            await client.mail(mail.envelope_from)
            await client.rcpt(parcel.to)
            answer = await client.execute_command(b"DATA")
            if answer.code != START_INPUT:
                raise SMTPResponseException(answer.code, answer.message)
            _write(client, stuffed(mail.content))
        except SMTPRecipientRefused as error:
            return _refused(error.code, error.message, no_such_address=_is_wrong(error.message))
        except SMTPResponseException as error:
            # Who refuses sender or login refuses this service, not the mail: somebody will put that right.
            return Later(f"{error.code} {error.message}")
        except (SMTPException, OSError) as error:
            return Later(f"{type(error).__name__}: {error}")
        else:
            await hand_over()
            return await _ended(client)
        finally:
            _hang_up(client)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            username=server.username,
            password=server.password,
            local_hostname=self._sender.rpartition("@")[2].rstrip(">"),
            timeout=TIMEOUT,
        )


def _write(client: aiosmtplib.SMTP, data: bytes) -> None:
    """Raises SMTPServerDisconnected, and then has written nothing."""
    protocol: Any = client.protocol
    if protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("the server has hung up")
    protocol.write(data)


async def _answer(client: aiosmtplib.SMTP) -> SMTPResponse:
    protocol: Any = client.protocol
    answer: SMTPResponse = await protocol.read_response(timeout=ANSWER_SECONDS)
    return answer


async def _ended(client: aiosmtplib.SMTP) -> Outcome:
    """The final dot, and what the server says of it."""
    try:
        _write(client, b".\r\n")
    except SMTPException as error:  # the server has hung up before it could see the end
        return Later(f"within the mail: {error}")
    try:
        answer = await _answer(client)
    except SMTPResponseException as error:
        return _refused(error.code, error.message)
    except (SMTPException, OSError) as error:
        return Unknown(f"no answer after the mail: {type(error).__name__}: {error}")
    return Sent() if answer.code == 250 else _refused(answer.code, answer.message)


def _hang_up(client: aiosmtplib.SMTP) -> None:
    """Says so, as section 4.1.1.10 asks, but waits for nothing: the outcome is to be written down."""
    with suppress(SMTPException, OSError, RuntimeError):
        _write(client, b"QUIT\r\n")
    client.close()


def _is_wrong(message: str) -> bool:
    return NO_SUCH_MAILBOX.match(message) is not None


def _refused(code: int, message: str, *, no_such_address: bool = False) -> Outcome:
    if 500 <= code < 600:
        return Refused(f"{code} {message}", no_such_address=no_such_address)
    return Later(f"{code} {message}")
