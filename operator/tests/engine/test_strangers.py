"""Objects and autoscalers of somebody else beside a ShopService's children."""

from typing import Any

import pytest
from shop_operator.engine.cache import Ref

from ..support.world import CART, CPU, LAG, PORTS, World, passed


async def test_an_object_in_the_way_is_named_with_what_to_do_and_waited_for(still: World) -> None:
    waits: list[Any] = []
    still.engine.reconciler.in_the_way = lambda *told: waits.append(told)
    theirs = {"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"ports": []}}
    found = still.api.put(theirs)
    made = still.apply(ports=PORTS)
    assert await passed(still) is None
    assert still.condition("Reconciled")["message"] == (
        "Service cart exists and is not this service's: it is left alone. Remove or rename it, or label it "
        "app.kubernetes.io/managed-by=shop-operator,shopservice.dev/name=cart to hand it over"
    )
    ((key, uid, objects),) = waits
    assert (key, uid) == (CART, made["metadata"]["uid"])
    assert {ref: one["metadata"]["uid"] for ref, one in objects.items()} == {
        Ref("Service", "shop", "cart"): found["metadata"]["uid"]
    }


async def test_what_was_never_there_is_made_and_not_made_again(world: World) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert (child["ready"], child["reason"]) == (False, "Missing")
    world.api.remove("Service", "cart")
    await world.until(lambda: world.api.has("Service"))
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert child["reason"] == "Applied"
    assert not any("ChildRestored" in event for event in world.api.events)


async def test_the_wait_for_an_object_in_the_way_ends_with_the_service(world: World) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    assert "Service shop/cart metadata" in world.api.watched
    world.delete()
    await world.quiet()
    assert "Service shop/cart metadata" not in world.api.watched


@pytest.mark.parametrize(("wanted", "pods"), [({}, 1), ({"replicas": 3}, 3), ({"autoscaling": CPU}, 2)])
async def test_beside_somebody_elses_autoscaler_a_service_begins_with_its_pods_and_is_left_to_it(
    world: World, wanted: dict[str, Any], pods: int
) -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}}
    world.api.put(
        {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "theirs", "namespace": "shop"},
            "spec": target,
        }
    )
    await world.quiet()
    world.apply(**wanted)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == pods
    assert not world.api.has("HorizontalPodAutoscaler")
    assert world.condition("AutoscalingActive")["reason"] == "ForeignAutoscaler"
    world.api.edit("Deployment", "cart", lambda live: live["spec"].update(replicas=20))
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 20


async def test_without_an_autoscaler_the_number_of_pods_stays_within_its_bounds(world: World) -> None:
    world.apply(events={}, autoscaling={"min": 2, "max": 5, "metrics": [LAG]})
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 2
    for given, kept in ((9, 5), (1, 2), (4, 4)):
        world.api.edit("Deployment", "cart", lambda live, given=given: live["spec"].update(replicas=given))
        await world.quiet()
        assert world.api.live("Deployment")["spec"]["replicas"] == kept
