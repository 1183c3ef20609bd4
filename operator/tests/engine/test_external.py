"""Secrets that somebody else keeps: which keys they have, known without asking again and again."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.cache import Key
from shop_operator.engine.external import ExternalSecrets

from ..support.memory import MemoryApi

CART, ORDERS = Key("shop", "cart"), Key("shop", "orders")


def secret(name: str = "theirs", namespace: str = "shop", **data: str) -> dict[str, Any]:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": encoded}


class Watched:
    """External Secrets as they are watched in a cluster in memory, and which services were told of them."""

    def __init__(self, namespace: str | None = None) -> None:
        self.api = MemoryApi()
        whole: Any = self.api
        self.secrets, self.told = ExternalSecrets(whole), list[Key]()
        self.task = asyncio.create_task(self.secrets.run(namespace, self.told.append))

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def look(self, key: Key = CART, name: str | None = "theirs") -> list[str]:
        """What has to be asked for a look at the Secret that this service names."""
        self.api.calls.clear()
        await self.secrets.look(key, name)
        await self.settled()
        return self.api.calls


@contextlib.asynccontextmanager
async def watching(namespace: str | None = None) -> AsyncIterator[Watched]:
    watched = Watched(namespace)
    await watched.settled()
    yield watched
    watched.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watched.task


@pytest.fixture
async def world() -> AsyncIterator[Watched]:
    async with watching() as found:
        yield found


async def test_the_keys_that_have_a_value_are_known(world: Watched) -> None:
    world.api.put(secret(host="db", port="5432", password=""))
    assert await world.look() == ["get Secret theirs"]
    assert world.secrets.keys(CART) == {"host", "port"}


async def test_no_secret_is_not_the_same_as_one_without_keys(world: Watched) -> None:
    await world.look()
    assert world.secrets.keys(CART) is None
    world.api.put({"kind": "Secret", "metadata": {"name": "empty", "namespace": "shop"}})
    await world.look(CART, "empty")
    assert world.secrets.keys(CART) == frozenset()


async def test_a_service_that_names_none_has_none(world: Watched) -> None:
    assert world.secrets.keys(CART) is None
    assert await world.look(CART, None) == []
    assert world.secrets.keys(CART) is None


async def test_a_secret_is_one_of_the_services_own_namespace(world: Watched) -> None:
    world.api.put(secret(namespace="finance", host="theirs"))
    await world.look()
    assert world.secrets.keys(CART) is None
    await world.look(Key("finance", "cart"))
    assert world.secrets.keys(Key("finance", "cart")) == {"host"}


async def test_nothing_is_watched_before_a_secret_is_named_and_never_more_than_metadata(
    world: Watched,
) -> None:
    await world.look(CART, None)
    assert world.api.watched == []
    await world.look()
    assert world.api.watched == ["Secret */* metadata"]


async def test_limited_to_a_namespace_only_its_secrets_are_watched() -> None:
    async with watching("shop") as world:
        await world.look()
        assert world.api.watched == ["Secret shop/* metadata"]


async def test_what_the_watch_has_not_shown_otherwise_is_not_read_again(world: Watched) -> None:
    world.api.put(secret(host="db"))
    world.api.put(secret("second", host="db"))
    await world.look()
    assert await world.look() == [], "the list had the version that was read"
    # The list is over; of this one the watch tells when it changes.
    assert await world.look(ORDERS, "second") == ["get Secret second"]
    assert await world.look(ORDERS, "second") == []
    assert world.secrets.keys(ORDERS) == {"host"}


async def test_one_that_is_not_there_is_not_read_again_either(world: Watched) -> None:
    await world.look()
    assert await world.look() == []
    assert world.told == []


async def test_without_a_watch_it_is_read_each_time() -> None:
    api: Any = MemoryApi()
    api.put(secret(host="db"))
    alone = ExternalSecrets(api)
    await alone.look(CART, "theirs")
    await alone.look(CART, "theirs")
    assert api.calls == ["get Secret theirs"] * 2


async def test_before_the_first_list_is_in_it_is_read_each_time(world: Watched) -> None:
    async with world.api.one_list:
        await world.look()
        assert await world.look() == ["get Secret theirs"]


async def test_all_services_that_use_a_secret_and_no_others_hear_of_its_change(world: Watched) -> None:
    world.api.put(secret(host="db"))
    await world.look()
    await world.look(ORDERS)
    await world.look(Key("shop", "rates"), "another")
    assert world.told == []
    world.api.put(secret(host="db", port="5432"))
    await world.settled()
    assert sorted(world.told) == [CART, ORDERS]
    assert await world.look() == ["get Secret theirs"]
    assert await world.look(ORDERS) == []
    assert world.secrets.keys(CART) == world.secrets.keys(ORDERS) == {"host", "port"}


async def test_that_a_secret_is_made_or_deleted_is_told(world: Watched) -> None:
    await world.look()
    world.api.put(secret(host="db"))
    await world.settled()
    assert world.told == [CART]
    await world.look()
    assert world.secrets.keys(CART) == {"host"}
    world.api.remove("Secret", "theirs")
    await world.settled()
    assert world.told == [CART, CART]
    assert await world.look() == ["get Secret theirs"]
    assert world.secrets.keys(CART) is None


async def test_what_changed_or_went_before_the_list_was_made_is_told(world: Watched) -> None:
    world.api.put(secret(host="db"))
    world.api.put(secret("second", host="db"))
    async with world.api.one_list:
        await world.look()
        await world.look(ORDERS, "second")
        world.api.put(secret(host="db", port="5432"))
        world.api.remove("Secret", "second")
    await world.settled()
    assert sorted(world.told) == [CART, ORDERS]


async def test_a_change_while_the_secret_is_read_is_told_and_read_again(world: Watched) -> None:
    await world.look(ORDERS, "another")
    real = world.api.get

    async def slow(*where: Any) -> Any:
        found = await real(*where)
        world.api.put(secret(host="db", port="5432"))
        await world.settled()
        return found

    world.api.put(secret(host="db"))
    await world.settled()
    world.api.get = slow  # type: ignore[method-assign]
    await world.look()
    world.api.get = real  # type: ignore[method-assign]
    assert world.told == [CART]
    assert world.secrets.keys(CART) == {"host"}
    assert await world.look() == ["get Secret theirs"]
    assert world.secrets.keys(CART) == {"host", "port"}


async def test_secrets_that_nobody_names_are_nothing_to_remember(world: Watched) -> None:
    await world.look()
    world.api.put(secret("unnamed", host="db"))
    await world.settled()
    assert world.told == []
    assert {ref.name for ref in world.secrets._seen} == {"theirs"}


async def test_a_service_that_uses_another_one_now_hears_no_more_of_the_one_before(world: Watched) -> None:
    world.api.put(secret(host="db"))
    await world.look()
    await world.look(ORDERS)
    await world.look(CART, "another")
    assert world.secrets.keys(CART) is None
    world.api.put(secret(host="db", port="5432"))
    await world.settled()
    assert world.told == [ORDERS]


async def test_a_service_that_is_gone_hears_no_more(world: Watched) -> None:
    world.api.put(secret(host="db"))
    await world.look()
    world.secrets.forget(CART)
    world.secrets.forget(CART)
    assert world.secrets.keys(CART) is None
    world.api.put(secret(host="db", port="5432"))
    await world.settled()
    assert world.told == []


async def test_a_secret_that_cannot_be_read_is_an_error(world: Watched) -> None:
    world.api.refuse = lambda call: ApiError(403, "Forbidden", "no") if call.startswith("get") else None
    with pytest.raises(ApiError, match="no"):
        await world.look()
