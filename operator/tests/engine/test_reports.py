"""What the status of a ShopService says."""

from typing import Any

import pytest
from shop_operator.cluster.client import ApiError

from ..support.memory import MemoryApi
from ..support.world import (
    CART,
    MANAGED,
    MIGRATIONS,
    PORTS,
    World,
    bound,
    complete,
    passed,
    refusing,
    running,
)


async def test_all_services_that_are_missing_are_named_those_of_other_namespaces_with_theirs(
    world: World,
) -> None:
    world.apply(dependsOn=[{"name": "rates", "namespace": "finance"}, {"name": "stock"}, {"name": "catalog"}])
    await world.quiet()
    assert "there is no ShopService finance/rates, catalog, stock;" in world.condition("Degraded")["message"]


async def test_limited_to_a_namespace_its_own_services_can_be_missing() -> None:
    async with running(MemoryApi(), namespace="shop") as world:
        world.apply(dependsOn=[{"name": "rates", "namespace": "finance"}, {"name": "stock"}])
        await world.quiet()
        assert "there is no ShopService stock;" in world.condition("Degraded")["message"]


async def test_an_object_of_another_service_is_no_child_whatever_its_name(world: World) -> None:
    labels = {**MANAGED, "shopservice.dev/name": "orders"}
    world.api.put(
        {
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop", "labels": labels},
            "spec": {},
        }
    )
    await world.quiet()
    world.apply(ports=PORTS)
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert child["reason"] == "Missing"
    assert world.condition("Reconciled")["reason"] == "ChildConflict"


def crashing_pod() -> dict[str, Any]:
    labels = {**MANAGED, "shopservice.dev/name": "cart", "app.kubernetes.io/component": "service"}
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "name": "main", "image": "shop/x:1"}
    return {
        "kind": "Pod",
        "metadata": {"name": "cart-1", "namespace": "shop", "labels": labels},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }


async def test_a_pod_that_does_not_come_up_is_reported_with_its_service(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    assert world.condition("Degraded")["status"] == "False"
    world.api.put(crashing_pod())
    await world.quiet()
    assert world.condition("Degraded")["reason"] == "ImagePullFailed"
    assert "Pod" not in {child["kind"] for child in world.status()["children"]}


async def test_a_spec_that_could_never_be_read_has_no_children_and_it_is_said(world: World) -> None:
    world.apply(ports="many")
    await world.quiet()
    assert world.condition("Reconciled")["reason"] == "InvalidSpec"
    assert world.status()["children"] == []
    assert world.written() == ["apply ShopService cart status", "create Event InvalidSpec"]


async def test_of_a_spec_that_cannot_be_read_all_is_said_that_can_be_known(world: World) -> None:
    world.apply(ports=PORTS, database={}, migrations=MIGRATIONS)
    await world.quiet()
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status={"readyReplicas": 1}))
    await world.quiet()
    complete(world)
    bound(world)
    await world.quiet()
    world.api.put(crashing_pod())
    await world.quiet()
    before = world.status()
    world.written()
    world.apply(ports="many", database={}, migrations=MIGRATIONS)
    await world.quiet()
    status = world.status()
    assert world.condition("Reconciled")["message"].startswith("spec.ports")
    assert world.condition("Reconciled")["message"].endswith("; the version before keeps running")
    assert world.condition("DataProtected")["reason"] == "Protected"
    assert world.condition("Degraded")["reason"] == "ImagePullFailed"
    for field in ("migratedImage", "binding", "url", "children"):
        assert status[field] == before[field], field
    assert world.written() == ["apply ShopService cart status", "create Event InvalidSpec"]


async def test_the_status_of_a_service_that_is_gone_or_made_anew_is_written_to_nobody(still: World) -> None:
    for refusal in (
        ApiError(404, "NotFound", "no such object"),
        ApiError(409, "Conflict", "Precondition failed: UID in precondition: a, UID in object meta: b"),
    ):
        still.apply()
        still.api.refuse = refusing({"apply ShopService cart status": refusal})
        assert await passed(still) is None
        assert still.engine.cache.get("ShopService", *CART) is None


@pytest.mark.parametrize("status", [409, 403, 500])
async def test_a_status_that_cannot_be_written_now_is_an_error(still: World, status: int) -> None:
    still.apply()
    still.api.refuse = refusing({"apply ShopService cart status": ApiError(status, "", "try again")})
    with pytest.raises(ApiError, match="try again"):
        await passed(still)
    assert still.engine.cache.get("ShopService", *CART) is not None
