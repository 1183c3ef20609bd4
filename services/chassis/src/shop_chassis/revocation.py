"""Sessions that have ended before their tokens expire: refused by every service within seconds.

Each replica follows the events by itself and keeps what it needs in memory: as long as a shopper's token can
still live. While the broker is away tokens are checked as before, so readiness does not depend on it.
"""

import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shop_chassis.auth import Principal
from shop_chassis.runtime import Background, Runtime

log = structlog.get_logger(__name__)

WINDOW = 900.0
"""Seconds for which a revocation is remembered. Shoppers' tokens live 600; one that a person had made to live
longer is good again after that."""


class Revoked(BaseModel):
    """The data of the event: the session `sid`, or all tokens of `subject` issued before `revoked_before`."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    subject: str
    sid: str | None = None
    revoked_before: AwareDatetime


class Revocations:
    """What was revoked within the last WINDOW seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: dict[str, float] = {}
        self._subjects: dict[str, float] = {}

    def add(self, revoked: Revoked) -> None:
        """Counts from now on; the same one again changes nothing."""
        moment = revoked.revoked_before.timestamp()
        kept, key = (
            (self._subjects, revoked.subject) if revoked.sid is None else (self._sessions, revoked.sid)
        )
        kept[key] = max(moment, kept.pop(key, moment))  # at the end: the oldest stay in front
        self._prune(kept)

    def cover(self, principal: Principal) -> bool:
        """Whether the token that `principal` is of has been revoked."""
        before = self._subjects.get(principal.subject)
        return principal.session in self._sessions or (before is not None and principal.issued < before)

    def _prune(self, kept: dict[str, float]) -> None:
        for key, moment in list(kept.items()):
            if moment > self._clock() - WINDOW:
                return
            del kept[key]


def follow_revocations(runtime: Runtime[Any], revocations: Revocations) -> None:
    """Keeps `revocations` up to date while the service runs, where there is a broker."""
    if runtime.bus is None and runtime.settings.events_url.startswith("memory:"):
        return  # nobody else is on that bus
    from shop_chassis.events.service import bus_of  # only who needs it pays for the import

    bus, topic = bus_of(runtime), runtime.settings.auth_revocations

    async def follow() -> None:
        since = datetime.fromtimestamp(time.time() - WINDOW, UTC)
        async with aclosing(bus.follow(topic.partition(".")[0], [topic], since=since)) as events:
            async for message in events:
                try:
                    revocations.add(_Envelope.model_validate_json(message.body).data)
                except ValidationError as error:
                    log.error("revocation unreadable", number=message.number, error=str(error))

    runtime.add(Background("revocations", follow))


class _Envelope(BaseModel):
    """The CloudEvent, as far as it matters here."""

    data: Revoked
