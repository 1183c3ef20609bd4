"""How the signer of the cluster's tokens is found."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.children import Issuer
from shop_operator.cluster.client import ApiError
from shop_operator.engine import issuer
from shop_operator.engine.issuer import IssuerWatch, read, told_before

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


@pytest.mark.parametrize("status", [400, 403, 404, 406, 409, 499])
async def test_a_cluster_may_not_publish_it(status: int) -> None:
    assert await found(Api(status)) is None


@pytest.mark.parametrize("status", [0, 401, 408, 429, 500, 503])
async def test_a_server_that_is_away_or_busy_says_nothing_about_it(status: int) -> None:
    with pytest.raises(ApiError):
        await found(Api(status))


async def test_what_services_were_told_before_is_in_their_configmaps() -> None:
    api: Any = Api(told=(TOLD,))
    assert await told_before(api, None) == Issuer("https://before", "{}")
    api.told = ()
    assert await told_before(api, None) is None


@contextlib.asynccontextmanager
async def watching(api: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Queue[Issuer]]:
    for pause in ("REFRESH_SECONDS", "UNREADABLE_SECONDS", "FIRST_RETRY_SECONDS"):
        monkeypatch.setattr(issuer, pause, 0.001)
    told: asyncio.Queue[Issuer] = asyncio.Queue()
    watch = IssuerWatch(api, None, told.put_nowait)
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(20):
            await watch.answered.wait()
            yield told
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_new_keys_are_told_once_and_lost_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    api: Any = Api(503, 0)
    async with watching(api, monkeypatch) as told:
        assert await told.get() == FOUND
        api.keys = {"keys": []}
        assert await told.get() == Issuer("https://issuer", '{"keys":[]}')
        api.errors, api.told = [403] * 10, (TOLD,)
        while api.errors:
            await asyncio.sleep(0)
        assert told.empty()


async def test_where_it_is_not_published_services_keep_what_they_know_until_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching(Api(403, 404, told=(TOLD,)), monkeypatch) as told:
        assert await told.get() == Issuer("https://before", "{}")
        assert await told.get() == FOUND


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; they are over at once, and the tenth never ends."""
    real, waits = asyncio.sleep, list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0 if len(waits) < 10 else 3600)

    monkeypatch.setattr(issuer.asyncio, "sleep", sleep)
    return waits


async def waits(api: Any, slept: list[float]) -> list[float]:
    running = asyncio.create_task(IssuerWatch(api, None, lambda found: None).run())
    async with asyncio.timeout(20):
        while len(slept) < 10:
            await asyncio.wait([running], timeout=0.001)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return slept


async def test_a_server_that_is_away_is_asked_less_often_each_time_and_a_known_issuer_once_an_hour(
    slept: list[float],
) -> None:
    found = await waits(Api(503, 503, 503), slept)
    assert found[:4] == [0.2, 0.4, 0.8, 3600]


async def test_after_it_was_back_the_waits_begin_anew_and_they_do_not_grow_for_ever(
    slept: list[float],
) -> None:
    api = Api(*[503] * 9)
    assert (await waits(api, slept))[6:9] == [12.8, 25.6, 30.0]
    slept.clear()
    # None published; away; and then it is.
    assert (await waits(Api(503, 404, 503), slept))[:4] == [0.2, 300, 0.2, 3600]


async def test_what_services_were_told_is_read_where_the_operator_is_and_may_be_of_others() -> None:
    asked: list[Any] = []

    class Lists(Api):
        def pages(self, *args: Any, **given: Any) -> AsyncIterator[dict[str, Any]]:
            asked.append((args[0].kind, given))
            return super().pages(*args, **given)

    half = {"data": {"issuer": "https://half"}}
    api: Any = Lists(told=(half, TOLD))
    assert await told_before(api, "shop") == Issuer("https://before", "{}")
    selector = "app.kubernetes.io/managed-by=shop-operator"
    assert asked == [("ConfigMap", {"namespace": "shop", "selector": selector})]


async def test_a_watch_asks_for_what_was_told_in_its_own_namespace() -> None:
    asked: list[Any] = []

    class Lists(Api):
        def pages(self, *args: Any, **given: Any) -> AsyncIterator[dict[str, Any]]:
            asked.append(given["namespace"])
            return super().pages(*args, **given)

    api: Any = Lists(403, told=(TOLD,))
    told: list[Issuer] = []
    watch = IssuerWatch(api, "shop", told.append)
    running = asyncio.create_task(watch.run())
    await asyncio.wait_for(watch.answered.wait(), 5)
    running.cancel()
    assert (asked, told) == (["shop"], [Issuer("https://before", "{}")])
