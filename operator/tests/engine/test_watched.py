"""What the engine watches, and what of it comes first."""

from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine import issuer
from shop_operator.engine.queue import Priority

from ..support.memory import ISSUER, MemoryApi
from ..support.world import PORTS, World, running


async def test_everything_that_has_our_label_is_watched_and_all_that_scales_and_no_more() -> None:
    async with running(MemoryApi("PodMonitor")) as world:
        mine = {"app.kubernetes.io/managed-by": "shop-operator"}
        for kind in ("Secret", "Pod", "HorizontalPodAutoscaler"):
            for name, labels in (("ours", mine), ("theirs", {})):
                metadata = {"name": name, "namespace": "shop", "labels": labels}
                target = {"scaleTargetRef": {"kind": "StatefulSet", "name": name}}
                world.api.put({"kind": kind, "metadata": metadata, "spec": target})
        await world.quiet()
        found = {
            kind: {one["metadata"]["name"] for one in world.engine.cache.of_kind(kind)}
            for kind in ("Secret", "Pod", "HorizontalPodAutoscaler")
        }
        assert found == {"Secret": {"ours"}, "Pod": {"ours"}, "HorizontalPodAutoscaler": {"ours", "theirs"}}
        assert set(world.api.watched) >= {"PersistentVolume */*", "PodMonitor */*", "Deployment */*"}


async def test_limited_to_a_namespace_nothing_of_others_is_watched() -> None:
    async with running(MemoryApi("PodMonitor"), namespace="shop", protect_volumes=False) as world:
        external = {"mode": "external", "external": {"secretName": "theirs"}}
        world.apply(database=external)
        await world.quiet()
        kinds = {watch.split()[0] for watch in world.api.watched}
        assert kinds >= {"Deployment", "Secret", "Pod", "PodMonitor"}
        assert "Secret shop/* metadata" in world.api.watched
        assert [watch for watch in world.api.watched if " shop/*" not in watch] == []


async def test_what_changed_or_went_may_be_down_and_goes_first_and_what_is_new_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    added: list[Any] = []
    real = world.engine.queue.add

    def add(key: Any, priority: Priority = Priority.NORMAL) -> None:
        added.append((str(key), priority))
        real(key, priority)

    monkeypatch.setattr(world.engine.queue, "add", add)
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "cart"}
    world.api.put({"kind": "Pod", "metadata": {"name": "cart-1", "namespace": "shop", "labels": labels}})
    await world.quiet()
    assert added == [("shop/cart", Priority.NORMAL)]
    added.clear()
    world.api.edit("Pod", "cart-1", lambda live: live.update(status={"phase": "Failed"}))
    await world.quiet()
    world.api.remove("Pod", "cart-1")
    await world.quiet()
    assert added == [("shop/cart", Priority.REPAIR)] * 2
    added.clear()
    world.apply(ports=PORTS, replicas=2)
    await world.quiet()
    assert added == [("shop/cart", Priority.NORMAL)]


async def test_an_object_that_was_in_the_way_and_goes_is_a_repair(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    added: list[Any] = []
    monkeypatch.setattr(world.engine.queue, "add", lambda *given: added.append(given))
    world.api.remove("Service", "cart")
    await world.until(lambda: added)
    assert added == [(("shop", "cart"), Priority.REPAIR)]


async def test_the_children_of_a_service_that_nobody_knows_are_nothing_to_do(world: World) -> None:
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "gone"}
    world.api.put({"kind": "Pod", "metadata": {"name": "gone-1", "namespace": "shop", "labels": labels}})
    await world.quiet()
    assert world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done") == 0


async def test_a_service_that_is_gone_no_longer_hears_of_its_external_secret(world: World) -> None:
    world.apply(database={"mode": "external", "external": {"secretName": "theirs"}})
    await world.quiet()
    world.delete()
    await world.quiet()
    before = world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done")
    world.api.put({"kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}})
    await world.quiet()
    assert world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done") == before


async def test_the_keys_of_the_cluster_reach_all_services_when_they_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issuer, "UNREADABLE_SECONDS", 0.001)
    api = MemoryApi()
    api.refuse = lambda call: ApiError(403, "Forbidden", "no") if call.startswith("document") else None
    async with running(api) as world:
        for name in ("cart", "orders"):
            world.apply(name, ports=PORTS)
        await world.quiet()
        assert "issuer" not in api.live("ConfigMap", "cart-callers")["data"]
        api.refuse = lambda call: None
        for name in ("cart", "orders"):
            callers = f"{name}-callers"
            await world.until(lambda: api.live("ConfigMap", callers)["data"].get("issuer") == ISSUER)  # noqa: B023
