"""The mails that the shop wants to send, read where they are asked for."""

import asyncio
from typing import Protocol

import httpx
from shop.local.console import MailPage
from shop_chassis.events import Bus, Event
from shop_chassis.events.service import connect
from shop_contracts.user.events import MAIL_REQUESTED, STREAM, MailRequested


class Mails(Protocol):
    """An outbox that tests can read."""

    def to(self, address: str) -> list[MailRequested]:
        """Newest first."""


class ConsoleMails:
    """Of a local shop."""

    def __init__(self, url: str) -> None:
        self._url = url

    def to(self, address: str) -> list[MailRequested]:
        """As the protocol says."""
        answer = httpx.get(f"{self._url}/mails", params={"to": address}, trust_env=False).raise_for_status()
        return list(MailPage.model_validate_json(answer.content).items)


class BrokerMails:
    """Of a shop with a broker."""

    def __init__(self, url: str) -> None:
        self._url = url

    def to(self, address: str) -> list[MailRequested]:
        """As the protocol says."""
        mails = asyncio.run(self._all())
        return [mail for mail in reversed(mails) if mail.to == address]

    async def _all(self) -> list[MailRequested]:
        bus = connect(self._url, name="journeys")
        await bus.start()
        try:
            return await _mails_of(bus)
        finally:
            await bus.stop()


async def _mails_of(bus: Bus) -> list[MailRequested]:
    found: list[MailRequested] = []
    after = 0
    while page := await bus.browse(STREAM, after=after):
        after = page[-1].number
        bodies = [stored.body for stored in page if stored.topic == f"{STREAM}.{MAIL_REQUESTED}"]
        found += [MailRequested.model_validate(Event.decode(body).data) for body in bodies]
    return found
