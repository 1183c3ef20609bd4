"""How the signer of the cluster's tokens is found."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.children import Issuer
from shop_operator.cluster.client import ApiError
from shop_operator.engine import issuer
from shop_operator.engine.issuer import IssuerWatch, read

KEYS = {"keys": [{"kid": "a", "kty": "RSA"}]}
FOUND = Issuer("https://issuer", '{"keys":[{"kid":"a","kty":"RSA"}]}')
TOLD = {"data": {"issuer": "https://before", "jwks.json": "{}"}}


class Api:
    """Publishes documents, or answers with errors first."""

    def __init__(self, *errors: int, told: tuple[dict[str, Any], ...] = ()) -> None:
        self.errors, self.told = list(errors), told
        self.keys: dict[str, Any] = KEYS

    async def document(self, path: str) -> dict[str, Any]:
        if self.errors:
            raise ApiError(self.errors.pop(0), "", "no")
        return {"issuer": "https://issuer"} if "openid-configuration" in path else self.keys

    async def pages(self, *_: Any, **__: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"items": [{"data": {"a": "b"}}, {}]}
        yield {"items": list(self.told)}


async def found(api: Any) -> Issuer | None:
    return await read(api)


async def test_it_is_what_the_cluster_publishes() -> None:
    assert await found(Api()) == FOUND


@pytest.mark.parametrize("status", [403, 404, 406])
async def test_where_it_is_not_to_be_had_it_is_what_services_were_told_before(status: int) -> None:
    assert await found(Api(status, told=(TOLD,))) == Issuer("https://before", "{}")
    assert await found(Api(status)) is None


@pytest.mark.parametrize("status", [0, 401, 429, 500, 503])
async def test_a_server_that_is_away_or_busy_says_nothing_about_it(status: int) -> None:
    with pytest.raises(ApiError):
        await found(Api(status, told=(TOLD,)))


async def test_new_keys_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "REFRESH_SECONDS", 0.001)
    monkeypatch.setattr(issuer, "FIRST_RETRY_SECONDS", 0.001)
    api: Any = Api(503, 0)
    told: asyncio.Queue[Issuer] = asyncio.Queue()
    watch = IssuerWatch(api, None, told.put_nowait)
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(5):
            assert await told.get() == FOUND
            await watch.answered.wait()
            api.keys = {"keys": []}
            assert await told.get() == Issuer("https://issuer", '{"keys":[]}')
            api.errors = [403] * 10
            while api.errors:  # what is not to be had any more stays known
                await asyncio.sleep(0)
        assert told.empty()
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
