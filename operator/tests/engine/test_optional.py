"""Kinds that come and go with their CRDs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError
from shop_operator.engine import optional
from shop_operator.engine.cache import Cache, Ref
from shop_operator.engine.optional import OptionalKinds

from ..support.memory import MemoryApi

MONITOR = {
    "kind": "PodMonitor",
    "metadata": {
        "name": "cart",
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "shop-operator"},
    },
}


class Following:
    """The optional kinds as they are followed in a cluster in memory, and what was told of them."""

    def __init__(self, api: MemoryApi, namespace: str | None) -> None:
        self.api, self.cache, self.told = api, Cache(), list[frozenset[str]]()
        whole: Any = api
        self.optional = OptionalKinds(whole, self.cache, namespace, self.told.append)

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.001)

    async def settled(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def run(self, begun: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            await self.optional.run(tasks)
            begun.set()
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def following(
    *there: str, namespace: str | None = None, api: MemoryApi | None = None
) -> AsyncIterator[Following]:
    """From when it is known which there are."""
    found, begun = Following(api or MemoryApi(*there), namespace), asyncio.Event()
    task = asyncio.create_task(found.run(begun))
    async with asyncio.timeout(20):
        await begun.wait()
    yield found
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "ASK_SECONDS", 0.001)


async def test_at_the_start_it_is_told_at_once_which_there_are() -> None:
    async with following("PodMonitor", "ScaledObject") as world:
        assert world.told[-1] == {"PodMonitor", "ScaledObject"}
        assert world.optional.listed.is_set()
        assert not world.optional.installed.is_set()
        assert world.api.watched == [
            "CustomResourceDefinition */* metadata", "PodMonitor */*", "ScaledObject */*"
        ]  # fmt: skip


async def test_when_it_has_started_their_objects_are_in_the_cache_and_no_others() -> None:
    api = MemoryApi("PodMonitor")
    api.put(MONITOR)
    api.put({"kind": "PodMonitor", "metadata": {"name": "theirs", "namespace": "shop"}})
    async with following(api=api) as world:
        assert [one["metadata"]["name"] for one in world.cache.of_kind("PodMonitor")] == ["cart"]


async def test_one_that_comes_is_told_when_its_list_is_in_and_one_that_goes_takes_its_objects_along() -> None:
    async with following() as world:
        assert world.told == []
        world.api.put(MONITOR)
        world.api.install("PodMonitor")
        await world.settled()
        assert world.told == [{"PodMonitor"}]
        assert world.cache.get("PodMonitor", "shop", "cart")
        world.api.install("PodMonitor")  # its CRD changes
        await world.settled()
        assert len(world.told) == 1
        world.api.uninstall("PodMonitor")
        await world.settled()
        assert world.told == [{"PodMonitor"}, frozenset()]
        assert world.cache.get("PodMonitor", "shop", "cart") is None
        assert world.api.watched == ["CustomResourceDefinition */* metadata"]


async def test_a_crd_that_waits_for_its_objects_to_go_serves_no_new_ones() -> None:
    async with following("PodMonitor") as world:
        crd = world.api.objects[Ref("CustomResourceDefinition", "", kinds.of("PodMonitor").crd)]
        going = {**crd, "metadata": {**crd["metadata"], "deletionTimestamp": "now"}}
        world.api.put(going)
        await world.settled()
        assert world.told[-1] == frozenset()


async def test_the_list_of_crds_says_what_went_while_nobody_watched() -> None:
    async with following("PodMonitor", "ScaledObject") as world:
        there = {"metadata": {"name": kinds.of("ScaledObject").crd}}
        going = {"metadata": {"name": kinds.of("PodMonitor").crd, "deletionTimestamp": "now"}}
        world.optional.replace("CustomResourceDefinition", [there, going], "9")
        assert world.told[-1] == {"ScaledObject"}


async def test_crds_of_others_are_nothing_to_us() -> None:
    async with following() as world:
        world.api.put({"kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"}})
        await world.settled()
        assert world.told == []
        assert world.api.watched == ["CustomResourceDefinition */* metadata"]


async def test_our_own_crd_is_told_by_itself() -> None:
    async with following() as world:
        assert not world.optional.installed.is_set()
        world.api.install("ShopService")
        await world.settled()
        assert world.optional.installed.is_set()
        assert world.told == []
        world.api.uninstall("ShopService")
        await world.settled()
        assert world.optional.installed.is_set(), "who waited for it goes on"
    async with following("ShopService") as world:
        world.api.install("ShopService")
        world.optional.replace(
            "CustomResourceDefinition", [{"metadata": {"name": kinds.SHOP_SERVICE.crd}}], "9"
        )
        assert world.optional.installed.is_set()


@pytest.mark.usefixtures("quickly")
async def test_limited_to_a_namespace_the_server_is_asked_again_and_again() -> None:
    async with following("PodMonitor", namespace="shop") as world:
        assert world.told[-1] == {"PodMonitor"}
        assert world.optional.installed.is_set(), "the server serves ShopServices"
        assert world.api.watched == ["PodMonitor shop/*"]
        world.api.optional.add("ScaledObject")
        await world.until(lambda: world.told[-1] == {"PodMonitor", "ScaledObject"})
        world.api.optional.discard("PodMonitor")
        await world.until(lambda: world.told[-1] == {"ScaledObject"})
        await world.until(lambda: world.api.watched == ["ScaledObject shop/*"])


@pytest.mark.usefixtures("quickly")
async def test_as_long_as_the_server_does_not_say_which_there_are_nothing_starts() -> None:
    api = MemoryApi("PodMonitor")
    real, away = api.serves, True

    async def serves(kind: Any) -> bool:
        if away:
            raise ApiError(503, "ServiceUnavailable", "not now")
        return await real(kind)

    api.serves = serves  # type: ignore[method-assign]
    starting = following(namespace="shop", api=api)
    entered = asyncio.create_task(starting.__aenter__())
    await asyncio.sleep(0.01)
    assert not entered.done()
    away = False
    world = await asyncio.wait_for(entered, 5)
    assert world.optional.listed.is_set()
    await world.until(lambda: world.told == [{"PodMonitor"}])
    await starting.__aexit__(None, None, None)
