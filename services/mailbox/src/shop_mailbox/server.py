"""The mail server: aiosmtpd, which fails where it is told to."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from shop_mailbox.post import Fault, Post, Stage

MOST_BYTES = 2 * 2**20
CUT = "cut"


class Handler:
    """What the server asks about each command (aiosmtpd's hooks)."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: "Server", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        if (failed := server.fails("mail")) is not None:
            return failed
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: "Server", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO."""
        if (failed := server.fails("rcpt", address)) is not None:
            return failed
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: "Server", session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The whole mail was read."""
        content = envelope.content
        body = content if isinstance(content, bytes) else str(content or "").encode()
        fault = self._post.fault("answer", server.addressee)
        if fault is None or (fault.how == CUT and fault.kept):
            self._post.take(str(envelope.mail_from), list(envelope.rcpt_tos), body)
        return "250 OK" if fault is None else server.fail(fault)


class Server(SMTP):
    """One connection."""

    def __init__(self, post: Post, **options: Any) -> None:
        super().__init__(Handler(post), data_size_limit=MOST_BYTES, ident="mailbox", **options)
        self._post = post

    @property
    def addressee(self) -> str | None:
        """Of the mail that is being handed in."""
        return self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(transport)
        if (fault := self._post.fault("connect")) is not None:
            self.fail(fault)

    def fails(self, stage: Stage, to: str | None = None) -> str | None:
        """The answer to a command that is to fail."""
        fault = self._post.fault(stage, to)
        return None if fault is None else self.fail(fault)

    def fail(self, fault: Fault) -> str:
        """Breaks the connection, or answers so."""
        if fault.how == CUT or fault.stage == "connect":
            transport: Any = self.transport
            transport.abort()
            return "421 this is never heard"
        return fault.how

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """DATA, before the mail and within it."""
        if (failed := self.fails("data", self.addressee)) is not None:
            await self.push(failed)
            return
        if self._post.fault("body", self.addressee) is not None:
            await self.push("354 go on")
            transport: Any = self.transport
            await self._reader.readline()
            transport.abort()
            return
        await super().smtp_DATA(arg)


class MailServer:
    """Listens; a component."""

    def __init__(self, post: Post, host: str, port: int) -> None:
        """`port` 0 takes a free one."""
        self._post = post
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Begins. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Server(self._post, loop=loop), self._host, self._port)

    async def stop(self) -> None:
        """Takes no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
