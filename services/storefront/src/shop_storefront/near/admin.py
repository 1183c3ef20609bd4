"""Neighbours' admin routes, in the name of the administrator who is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from shop_chassis.client import ServiceClient
from shop_chassis.etags import etag

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """Where an administrator asks one neighbour, and tells it what to do. It looks at the token itself."""

    client: ServiceClient
    headers: Mapping[str, str]

    async def call(
        self, method: str, route: str, *, into: type[T], version: int | None = None, **request: Any
    ) -> T:
        """As the client's; `version` is of what is changed, as the administrator saw it. Raises CallError."""
        return await self.client.call(method, route, into=into, headers=self._headers(version), **request)

    async def send(
        self, method: str, route: str, *, version: int | None = None, **request: Any
    ) -> httpx.Response:
        """As `call`, where nothing of the answer is needed."""
        return await self.client.send(method, route, headers=self._headers(version), **request)

    def _headers(self, version: int | None) -> Mapping[str, str]:
        return self.headers if version is None else {**self.headers, "If-Match": etag(version)}
