"""Kubernetes Events about ShopServices: told once, counted when they repeat."""

from __future__ import annotations

import hashlib
import time
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

# The same event within this time is one series, which is written to the API at most once a minute.
SERIES_SECONDS, FLUSH_SECONDS = 600.0, 60.0
NOTE_LENGTH = 1024  # the API's limit


@dataclass
class _Series:
    name: str
    count: int
    first: float
    flushed: float


class Events:
    """Writes events.k8s.io/v1 Events. An Event that cannot be written is logged and forgotten."""

    def __init__(self, api: Api, instance: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api, self._instance, self._clock = api, instance, clock
        self._series: dict[tuple[str, ...], _Series] = {}

    async def tell(
        self, about: Manifest, reason: str, note: str, *, action: str, warning: bool = False
    ) -> None:
        """Report `note` on the object. The same again is counted in a series instead of written anew."""
        metadata, now = about["metadata"], self._clock()
        self._series = {k: s for k, s in self._series.items() if now - s.first < SERIES_SECONDS}
        identity = (metadata["uid"], reason, note)
        series = self._series.get(identity)
        try:
            if series is None:
                name = self._name(metadata["name"], identity)
                self._series[identity] = _Series(name, 1, now, now)
                await self._api.create(
                    self._event(about, name, reason, note, action, warning), EVENT, manager=MANAGER
                )
                return
            series.count += 1
            if now - series.flushed >= FLUSH_SECONDS:
                series.flushed = now
                patch = {"series": {"count": series.count, "lastObservedTime": _micro_time()}}
                await self._api.merge(EVENT, metadata["namespace"], series.name, patch, manager=MANAGER)
        except ApiError as error:
            log.warning("event not written", reason=reason, error=error.message)

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
            "note": note[:NOTE_LENGTH],
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


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
