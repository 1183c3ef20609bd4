"""The mails that new customers wait for, read off the broker as they are asked for."""

import asyncio
from collections import defaultdict
from contextlib import aclosing

from shop_chassis.events import Event
from shop_chassis.events.service import connect
from shop_contracts.user.events import MAIL_REQUESTED, STREAM, MailRequested


class Mails:
    """Follows the stream until it is stopped, through every outage of the broker."""

    def __init__(self, url: str) -> None:
        self._bus = connect(url, name="faults")
        self._tokens: dict[str, asyncio.Future[str]] = defaultdict(asyncio.get_running_loop().create_future)

    async def token(self, address: str) -> str:
        """Of the mail that confirms this address, once it is there."""
        return await self._tokens[address]

    async def follow(self) -> None:
        """Runs until it is cancelled."""
        await self._bus.start()
        try:
            async with aclosing(self._bus.follow(STREAM, [f"{STREAM}.{MAIL_REQUESTED}"])) as mails:
                async for mail in mails:
                    self._deliver(MailRequested.model_validate(Event.decode(mail.body).data))
        finally:
            await self._bus.stop()

    def _deliver(self, mail: MailRequested) -> None:
        waiting = self._tokens[mail.to]
        if mail.template == "verify-email" and not waiting.done():
            waiting.set_result(str(mail.data["token"]))
