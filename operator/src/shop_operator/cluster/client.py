"""A small asynchronous client of the Kubernetes API: just the calls the operator makes.

Objects are plain dicts as the API gives them. Why not the official client: the same calls cost three times
the CPU there, and its models tens of megabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Self

import aiohttp
from pydantic_core import from_json, to_json

from shop_operator.cluster.connection import Connection
from shop_operator.cluster.kinds import Kind

Manifest = dict[str, Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"
# What is parsed at once sets the peak of memory: objects come with managedFields, which are half of them.
PAGE_SIZE = 250
# Connections for what is urgent, beside those that a crowd of other calls may wait for.
URGENT_CONNECTIONS = 4
urgent: ContextVar[bool] = ContextVar("urgent", default=False)
"""Set in a task whose calls are not to wait for those of others."""
# The server sends a bookmark about once a minute; a connection silent for longer than this is dead.
SILENCE_SECONDS = 150


class ApiError(Exception):
    """The API server refused a call, or could not be reached (then `status` is 0)."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


class Api:
    """Calls to one API server over one session. Use as an async context manager."""

    def __init__(
        self,
        connection: Connection,
        *,
        connections: int = 16,
        observe: Callable[[str, str, int], None] = lambda verb, kind, status: None,
    ) -> None:
        self._connection, self._connections, self._observe = connection, connections, observe
        self._session: aiohttp.ClientSession | None = None
        self._urgent: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None
        # Lists are what peaks in memory, so they are taken one after another.
        self.one_list = asyncio.Semaphore(1)

    async def __aenter__(self) -> Self:
        self._session = self._connection.session(connections=self._connections)
        self._urgent = self._connection.session(connections=URGENT_CONNECTIONS)
        # Watches hold their connection, so they must not take those of the calls.
        self._streams = self._connection.session()
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._session, self._urgent, self._streams):
            if session:
                await session.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object with all its fields, or None when there is none. Raises ApiError."""
        try:
            return await self._call("get", kind, "GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def serves(self, kind: Kind) -> bool:
        """Whether the server has this kind now, and takes new objects of it: not while its CRD waits for the
        finalizers of the old ones. Takes no right beyond being logged in. Raises ApiError."""
        try:
            found = await self._call("discover", kind, "GET", f"/apis/{kind.api_version}")
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(
            resource["name"] == kind.plural and "create" in resource["verbs"]
            for resource in found["resources"]
        )

    async def document(self, path: str) -> Manifest:
        """What is published at a path and is no object, such as /openid/v1/jwks. Raises ApiError."""
        return await self._call("get", Kind("", path, ""), "GET", path, accept="*/*")

    async def pages(
        self, kind: Kind, *, namespace: str | None = None, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Manifest]:
        """The list of a kind in pages of 250, one consistent state. Raises ApiError (410: start again)."""
        params = {"limit": str(PAGE_SIZE), "labelSelector": selector}
        while True:
            page = await self._call(
                "list", kind, "GET", kind.path(namespace), params=params,
                accept=METADATA_ONLY.format("List") if metadata_only else None,
            )  # fmt: skip
            yield page
            params["continue"] = page["metadata"].get("continue", "")
            if not params["continue"]:
                return

    async def watch(
        self,
        kind: Kind,
        resource_version: str,
        *,
        namespace: str | None = None,
        selector: str = "",
        name: str = "",
        timeout_seconds: int = 300,
        metadata_only: bool = False,
    ) -> AsyncIterator[Manifest]:
        """Events after `resource_version`, bookmarks included, until the server ends the stream.

        With a `name`, those of this one object.
        Raises ApiError; status 410 means that the version is too old to resume from.
        """
        assert self._streams is not None
        params = {
            "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": resource_version,
            "labelSelector": selector, "timeoutSeconds": str(timeout_seconds),
        }  # fmt: skip
        if name:
            params["fieldSelector"] = f"metadata.name={name}"
        headers = self._connection.headers()
        if metadata_only:
            headers["Accept"] = METADATA_ONLY.format("")
        url = self._connection.server + kind.path(namespace)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_SECONDS)
        try:
            async with self._streams.get(url, params=params, headers=headers, timeout=timeout) as response:
                self._observe("watch", kind.kind, response.status)
                if response.status >= 400:
                    raise _error(response, await response.read())
                async for line in _lines(response.content):
                    event: Manifest = decoded(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(
                            status.get("code", 500), status.get("reason", ""), status.get("message", "")
                        )
                    yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error

    async def apply(
        self,
        manifest: Mapping[str, Any],
        kind: Kind,
        *,
        manager: str,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Manifest:
        """Server-side apply with force: only fields that `manifest` names are touched. Raises ApiError."""
        metadata = manifest["metadata"]
        params = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        return await self._call(
            "apply", kind, "PATCH", path, params=params, body=manifest, content_type=APPLY
        )

    async def create(self, manifest: Mapping[str, Any], kind: Kind, *, manager: str) -> Manifest:
        """Create, never overwrite. Raises ApiError; status 409 when the name is taken."""
        path = kind.path(manifest["metadata"].get("namespace"))
        return await self._call("create", kind, "POST", path, params={"fieldManager": manager}, body=manifest)

    async def merge(
        self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any], *, manager: str
    ) -> Manifest:
        """JSON merge patch (RFC 7386). Raises ApiError."""
        params = {"fieldManager": manager}
        path = kind.path(namespace, name)
        return await self._call("patch", kind, "PATCH", path, params=params, body=patch, content_type=MERGE)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete this very object (another one of the same name is left alone), dependents after it."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._call("delete", kind, "DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _call(
        self,
        verb: str,
        kind: Kind,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> Manifest:
        session = self._urgent if urgent.get() else self._session
        assert session is not None
        headers = self._connection.headers() | {"Accept": accept or "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = to_json(body)
        url = self._connection.server + path
        try:
            async with session.request(method, url, params=params, data=data, headers=headers) as response:
                answer = await response.read()
                self._observe(verb, kind.kind, response.status)
                if response.status >= 400:
                    raise _error(response, answer)
                return decoded(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._observe(verb, kind.kind, 0)
            raise _unreachable(error) from error


def decoded(text: bytes | str) -> Manifest:
    """An object from JSON. pydantic's parser is quick, and keeps each repeated short string once."""
    found: Manifest = from_json(text, cache_strings="all")
    return found


def _error(response: aiohttp.ClientResponse, answer: bytes) -> ApiError:
    """The error that a Status object describes; proxies answer with plain text instead."""
    try:
        status = decoded(answer)
        reason, message = status.get("reason", ""), status.get("message", "")
    except (ValueError, AttributeError):
        reason, message = "", answer.decode(errors="replace")[:200]
    retry = response.headers.get("Retry-After", "")
    return ApiError(
        response.status, reason or (response.reason or ""), message or f"HTTP {response.status}",
        float(retry) if retry.isdecimal() else None,
    )  # fmt: skip


def _unreachable(error: Exception) -> ApiError:
    return ApiError(0, "Unreachable", f"the API server cannot be reached: {error or type(error).__name__}")


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; the reader's own line iteration refuses those over 128 KiB."""
    rest = b""
    async for chunk in content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
        for line in complete:
            yield line
