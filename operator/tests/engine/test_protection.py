"""Volumes that are to be kept, in a pass over their ShopService."""

from typing import Any

from shop_operator.cluster.client import ApiError
from shop_operator.engine.cache import Ref

from ..support.world import World, bound, passed, refusing


def volume(world: World) -> dict[str, Any]:
    return world.api.objects[Ref("PersistentVolume", "", "pv1")]


async def test_the_volume_of_a_database_is_protected_once_and_it_is_said(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    assert world.condition("DataProtected")["reason"] == "Pending"
    world.written()
    bound(world)
    await world.quiet()
    assert volume(world)["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume(world)["metadata"]["annotations"] == {"shopservice.dev/reclaim-policy": "Delete"}
    found = world.condition("DataProtected")
    assert (found["status"], found["reason"]) == ("True", "Protected")
    assert world.written() == ["patch PersistentVolume pv1", "apply ShopService cart status"]


async def test_the_answer_to_a_patch_of_a_volume_is_known_without_a_watch(still: World) -> None:
    still.apply(database={})
    await passed(still)
    bound(still)
    still.engine.cache.update(
        "PersistentVolumeClaim", still.api.live("PersistentVolumeClaim", "data-cart-db-0")
    )
    still.engine.reconciler.volumes.replace("PersistentVolume", [volume(still)], "1")
    await passed(still)
    assert still.condition("DataProtected")["reason"] == "Protected"


async def test_a_volume_that_may_not_be_changed_is_said(world: World) -> None:
    refusal = ApiError(403, "Forbidden", "no right")
    world.apply(database={})
    await world.quiet()
    world.api.refuse = refusing({"patch PersistentVolume pv1": refusal})
    bound(world)
    await world.until(lambda: world.condition("Reconciled")["status"] == "False")
    found = world.condition("Reconciled")
    assert (found["reason"], found["message"]) == ("ChildRefused", "PersistentVolume pv1: no right")


async def test_the_volume_of_a_suspended_service_is_left_alone(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    world.apply(database={}, suspend=True)
    await world.quiet()
    bound(world)
    await world.quiet()
    assert volume(world)["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert world.condition("DataProtected")["reason"] == "Pending"


async def test_why_a_claim_does_not_get_its_volume_is_said(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    bound(world, "Retain", "Released", namespace="finance")
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "VolumeNotAdopted")
    assert "which belongs to claim finance/data-cart-db-0" in found["message"]
