"""Pictures in a bucket of an S3 API, by Rust's object_store. Imported only where a bucket is used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store
from shop_chassis.binding import Binding
from shop_chassis.client.breaker import Breaker

from shop_catalog.errors import MediaUnavailable
from shop_catalog.media import CACHED, type_of

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

log = structlog.get_logger(__name__)

CONNECT, ANSWER, WHOLE = 1.0, 3.0, 5.0
"""Seconds: until there is a connection, for one try, for all of them; who shows a picture waits no longer."""
TRIES = 3
READ_AGAIN = timedelta(minutes=1)
"""How old credentials may be: a rotated Secret is used after that."""
NO_BUCKET = "NoSuchBucket"
"""S3's code for it; the status is 404, as that of a file that is not there."""


class Bucket:
    """A bucket, or a folder in one, for any number of replicas. It is there: nothing here makes one.

    The user's rights are GetObject, PutObject and ListBucket: without the last one S3 answers 403 for what is
    not there.
    """

    def __init__(
        self, url: str, *, endpoint: str | None, region: str, credentials: Binding | None = None
    ) -> None:
        """Connects to nothing yet. `endpoint` is the S3 API's, None: AWS's.

        The binding has `username`, an access key's id, and `password`, its secret. One without a user, or
        none, means that the workload has a role at AWS.
        """
        place = urlsplit(url)
        config: S3Config = {"region": region}
        if endpoint:
            config["endpoint"] = endpoint
        user = credentials if credentials and credentials.get("username", "") else None
        if user is None:
            log.info("no username in the binding media: asking for a role of AWS", bucket=url)
        self._url = url
        self._breaker = Breaker()
        self._store = S3Store(
            place.netloc,
            prefix=place.path.strip("/") or None,
            config=config,
            credential_provider=_FromBinding(user) if user else None,
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT),
                "timeout": timedelta(seconds=ANSWER),
            },
            retry_config={
                "max_retries": TRIES - 1,
                "retry_timeout": timedelta(seconds=WHOLE),
                "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=1)},
            },
        )

    async def put(self, name: str, content: bytes) -> None:
        """With its type, so that the bucket can serve it too. Raises MediaUnavailable."""
        attributes = {"Cache-Control": CACHED, "Content-Type": type_of(name) or "application/octet-stream"}
        async with self._asked():
            await self._store.put_async(name, content, attributes=attributes, use_multipart=False)

    async def get(self, name: str) -> bytes | None:
        """The content, or None. Raises MediaUnavailable."""
        async with self._asked():
            try:
                found = await self._store.get_async(name)
            except FileNotFoundError as error:
                if NO_BUCKET in str(error):
                    raise
                return None
            return bytes(await found.bytes_async())

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        """One request. After some that had no answer the next are refused at once, for a moment."""
        permit = self._breaker.admit()
        if permit is None:
            raise MediaUnavailable("media storage does not answer")
        answered: bool | None = None
        try:
            async with asyncio.timeout(WHOLE):
                yield
            answered = True
        except (BaseError, OSError) as error:
            answered = isinstance(error, PermissionDeniedError | FileNotFoundError)
            reason = str(error).partition("\n")[0] or type(error).__name__
            log.error("media storage cannot be used", bucket=self._url, reason=reason)
            raise MediaUnavailable("media storage cannot be used right now") from error
        finally:
            self._breaker.record(permit, answered)


class _FromBinding:
    """Credentials as the files have them; object_store asks again once they are as old as READ_AGAIN."""

    refresh_threshold = timedelta()

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def __call__(self) -> "S3Credential":
        return {
            "access_key_id": self._binding.get("username"),
            "secret_access_key": self._binding.get("password"),
            "expires_at": datetime.now(UTC) + READ_AGAIN,
        }
