"""Kubernetes Events about ShopServices: told once, counted when they repeat, at most a few an hour.

The figures are those of client-go's own recorders (k8s.io/client-go/tools/events and tools/record).
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.kinds import EVENT
from shop_operator.cluster.projection import MANAGER

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

# The same again within this time continues a series. Its first repetition is written at once, so that it can
# be seen that there are some; of the others, the count every five minutes.
SERIES_SECONDS, COUNT_SECONDS = 360.0, 300.0
# Writes about one object: so many at once, and one more each time that this has passed. A service that has
# all that there is has some 25 children, and each of them may be told of.
BURST, REFILL_SECONDS = 40, 300.0
# Series and allowances that are remembered; the longest unused is forgotten first.
REMEMBERED = 4096
NOTE_LENGTH = 1024  # the API's limit


@dataclass
class _Series:
    name: str
    count: int
    seen: float
    written: float


@dataclass
class _Allowance:
    """How many writes an object may still cause: a bucket that fills slowly."""

    left: float
    since: float

    def take(self, now: float) -> bool:
        self.left = min(BURST, self.left + (now - self.since) / REFILL_SECONDS)
        self.since = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Events:
    """Writes events.k8s.io/v1 Events. An Event that cannot be written is logged and forgotten."""

    def __init__(self, api: Api, instance: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._instance, self._clock = api, instance, clock
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()

    async def tell(
        self, about: Manifest, reason: str, note: str, *, action: str, warning: bool = False
    ) -> None:
        """Report `note` on the object. The same again is counted in a series instead of written anew."""
        metadata, now = about["metadata"], self._clock()
        identity = (metadata["uid"], reason, note)
        series = self._series.pop(identity, None)
        if series is None or now - series.seen > SERIES_SECONDS:
            series = _Series(self._name(metadata["name"], identity), 0, now, now)
        _remember(self._series, identity, series)
        series.count, series.seen = series.count + 1, now
        if series.count > 2 and now - series.written < COUNT_SECONDS:
            return
        if not self._allowed(metadata["uid"], now):
            if series.count == 1:
                del self._series[identity]  # nothing was written that could be counted up
            return
        series.written = now
        try:
            if series.count == 1:
                event = self._event(about, series.name, reason, note, action, warning)
                await self._api.create(event, EVENT, manager=MANAGER)
            else:
                patch = {"series": {"count": series.count, "lastObservedTime": _micro_time()}}
                await self._api.merge(EVENT, metadata["namespace"], series.name, patch, manager=MANAGER)
        except ApiError as error:
            self._series.pop(identity, None)  # it is not there, or not any more: next time it is written anew
            log.warning("event not written", reason=reason, error=error.message)

    def _allowed(self, uid: str, now: float) -> bool:
        allowance = self._allowances.pop(uid, None) or _Allowance(BURST, now)
        _remember(self._allowances, uid, allowance)
        return allowance.take(now)

    def _event(
        self, about: Manifest, name: str, reason: str, note: str, action: str, warning: bool
    ) -> Manifest:
        metadata = about["metadata"]
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "eventTime": _micro_time(),
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "note": note if len(note) <= NOTE_LENGTH else note[: NOTE_LENGTH - 1] + "…",
            "action": action,
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "reportingController": "shopservice.dev/shop-operator",
            "reportingInstance": self._instance[:128],
        }

    def _name(self, name: str, identity: tuple[str, ...]) -> str:
        digest = hashlib.sha256("\n".join((*identity, _micro_time())).encode()).hexdigest()
        return f"{name}.{digest[:16]}"


def _remember(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
