"""Who signs the cluster's service account tokens: read at start and every hour, since keys are replaced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import structlog

from shop_operator.children import Issuer
from shop_operator.children.kinds import ISSUER_CONFIGURATION, ISSUER_KEYS
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.reflector import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS

log = structlog.get_logger(__name__)

# The API server publishes new keys long before it signs with them, and old ones long after.
REFRESH_SECONDS = 3600.0
# Where it does not let us see them: a right may be given later.
UNREADABLE_SECONDS = 300.0


async def read(api: Api) -> Issuer | None:
    """The issuer; None where the cluster does not publish it, or not to us. Raises ApiError."""
    try:
        configuration, keys = await api.document(ISSUER_CONFIGURATION), await api.document(ISSUER_KEYS)
    except ApiError as error:
        if error.status in (401, 408, 429) or not 400 <= error.status < 500:
            raise  # the server is away or busy; all else would be the same the next time
        return None
    return Issuer(configuration["issuer"], json.dumps(keys, sort_keys=True, separators=(",", ":")))


async def told_before(api: Api, namespace: str | None) -> Issuer | None:
    """The issuer that services know already: they must not lose their callers over a right of the operator's.
    Raises ApiError."""
    async for page in api.pages(kinds.of("ConfigMap"), namespace=namespace, selector=kinds.MANAGED_BY):
        for item in page["items"] or ():
            data = item.get("data") or {}
            if {"issuer", "jwks.json"} <= data.keys():
                return Issuer(data["issuer"], data["jwks.json"])
    return None


class IssuerWatch:
    """Tells `changed` of the issuer whenever it is another one; what was known once stays known.

    `answered` is set when it is known, or known that it cannot be read.
    """

    def __init__(self, api: Api, namespace: str | None, changed: Callable[[Issuer], None]) -> None:
        self.answered = asyncio.Event()
        self._api, self._namespace, self._changed = api, namespace, changed
        self._known: Issuer | None = None

    async def run(self) -> None:
        """Run until cancelled; every error is waited out, longer each time."""
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                published = await read(self._api)
                found = published or self._known or await told_before(self._api, self._namespace)
            except ApiError as error:
                log.warning("issuer not read", error=error.message, retry_seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_SECONDS)
                continue
            if published is None:
                log.warning("no issuer of service account tokens to be read", kept=found is not None)
            if found is not None and found != self._known:
                self._known = found
                self._changed(found)
            self.answered.set()
            delay = FIRST_RETRY_SECONDS
            await asyncio.sleep(REFRESH_SECONDS if published else UNREADABLE_SECONDS)
