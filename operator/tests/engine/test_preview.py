"""`shop-operator diff` on a cluster in memory: what the operator would do, and nothing is done."""

from typing import Any

import pytest
from shop_operator.api import API_VERSION, KIND, ShopService, parse
from shop_operator.cluster.client import ApiError
from shop_operator.engine.preview import changes
from shop_operator.settings import Settings

from ..support.memory import MemoryApi
from ..support.world import running

PORTS = [{"name": "http", "port": 8080}]


def shop(name: str = "cart", namespace: str = "shop", **spec: Any) -> ShopService:
    """As it is read from a file: without uid and status."""
    metadata = {"name": name, "namespace": namespace}
    return parse(
        {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {"image": "shop/x:1", **spec}}
    )


async def applied(*optional: str, **spec: Any) -> MemoryApi:
    """A cluster in which the operator has done its work for such a service."""
    api = MemoryApi(*optional)
    async with running(api) as world:
        world.apply(**spec)
        await world.quiet()
    api.calls.clear()
    return api


async def diff(api: Any, *shops: ShopService, **settings: Any) -> list[str]:
    lines = await changes(api, Settings(**settings), list(shops))
    assert [call for call in api.calls if not call.startswith("get")] == []
    return lines


async def test_what_is_not_there_would_be_made() -> None:
    lines = await diff(MemoryApi(), shop(ports=PORTS))
    assert lines == [
        f"shop/cart  + {kind} {name}"
        for kind, name in (
            ("ServiceAccount", "cart"), ("NetworkPolicy", "cart"), ("ConfigMap", "cart-callers"),
            ("Service", "cart"), ("Deployment", "cart"),
        )
    ]  # fmt: skip


async def test_of_what_is_as_it_should_be_nothing_is_said() -> None:
    assert await diff(await applied(ports=PORTS, database={}), shop(ports=PORTS, database={})) == []


async def test_a_change_is_named_by_its_field() -> None:
    lines = await diff(await applied(ports=PORTS), shop(ports=PORTS, replicas=2))
    assert "shop/cart  ~ Deployment cart: spec.replicas" in lines
    assert "shop/cart  + PodDisruptionBudget cart" in lines


async def test_what_is_no_longer_wanted_would_go() -> None:
    lines = await diff(await applied(ports=PORTS), shop())
    assert "shop/cart  - Service cart" in lines


async def test_what_belongs_to_somebody_else_would_be_left_alone() -> None:
    api = MemoryApi()
    api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    lines = await diff(api, shop(ports=PORTS))
    assert "shop/cart  ! Service cart: exists and is not this service's; it would be left alone" in lines


async def test_optional_kinds_count_where_the_cluster_has_them() -> None:
    assert "shop/cart  + PodMonitor cart" in await diff(MemoryApi("PodMonitor"), shop(ports=PORTS))
    assert await diff(await applied("PodMonitor", ports=PORTS), shop(ports=PORTS)) == []


async def test_files_and_cluster_together_say_who_calls_whom() -> None:
    api = await applied(ports=PORTS)
    caller = shop("caller", dependsOn=[{"name": "cart"}])
    lines = await diff(api, shop(ports=PORTS), caller)
    assert any(line.startswith("shop/cart  ~ NetworkPolicy cart: spec.ingress") for line in lines)
    assert "shop/caller  + Deployment caller" in lines


async def test_who_calls_a_service_is_known_from_the_cluster_too() -> None:
    api = MemoryApi()
    async with running(api) as world:
        world.apply(ports=PORTS)
        world.apply("caller", dependsOn=[{"name": "cart"}])
        await world.quiet()
    api.calls.clear()
    assert await diff(api, shop(ports=PORTS)) == []
    # What a file says of the caller is what counts.
    lines = await diff(api, shop(ports=PORTS), shop("caller"))
    assert any(line.startswith("shop/cart  ~ NetworkPolicy cart: ") for line in lines)


async def test_what_is_in_other_namespaces_is_not_taken_for_this_ones() -> None:
    api = await applied(ports=PORTS)
    lines = await diff(api, shop(namespace="finance", ports=PORTS), shop(ports=PORTS))
    assert [line for line in lines if not line.startswith("finance/cart  + ")] == []
    assert "finance/cart  + Deployment cart" in lines


async def test_a_migration_that_was_made_is_not_made_again() -> None:
    migrations = {"args": ["migrate"]}
    api = MemoryApi()
    async with running(api) as world:
        world.apply(migrations=migrations)
        await world.quiet()
        (job,) = [ref.name for ref in api.objects if ref.kind == "Job"]
        done = {"conditions": [{"type": "Complete", "status": "True"}]}
        api.edit("Job", job, lambda live: live.update(status=done))
        await world.quiet()
        api.remove("Job", job)
        await world.quiet()
    api.calls.clear()
    assert await diff(api, shop(migrations=migrations)) == []


async def test_a_suspended_service_is_said_to_wait() -> None:
    assert await diff(await applied(), shop(replicas=2, suspend=True)) == [
        "shop/cart  ~ Deployment cart: spec.replicas (when no longer suspended)",
        "shop/cart  + PodDisruptionBudget cart (when no longer suspended)",
    ]


def refusing(api: MemoryApi, call: str, status: int) -> list[str]:
    """Have calls that begin like this refused; returns all lists that were asked for."""
    asked: list[str] = []

    def refuse(made: str) -> ApiError | None:
        if made.startswith("list"):
            asked.append(made)
        return ApiError(status, "Reason", "why") if made == call else None

    api.refuse = refuse
    return asked


async def test_where_the_keys_may_not_be_read_services_keep_those_that_they_were_told() -> None:
    api = await applied(ports=PORTS)
    other = shop("orders", namespace="finance", ports=PORTS)
    refusing(api, "document /openid/v1/jwks", 403)
    assert await diff(api, shop(ports=PORTS)) == []
    assert "finance/orders  + ConfigMap orders-callers" in await diff(api, other)


async def test_callers_are_looked_for_in_all_namespaces() -> None:
    api = await applied(ports=PORTS)
    asked = refusing(api, "", 0)
    await diff(api, shop(ports=PORTS))
    assert [call for call in asked if "ShopService" in call] == ["list ShopService"]
    assert {call for call in asked if "Service " in call} == {"list Service shop"}


async def test_who_may_not_look_at_all_namespaces_is_told_what_follows_from_the_files_own() -> None:
    api = await applied(ports=PORTS)
    asked = refusing(api, "list ShopService", 403)
    assert await diff(api, shop(ports=PORTS)) == []
    assert [call for call in asked if "ShopService" in call] == ["list ShopService", "list ShopService shop"]


async def test_an_operator_limited_to_a_namespace_sees_the_services_there_and_the_files_own() -> None:
    api = await applied(ports=PORTS)
    asked = refusing(api, "", 0)
    assert await diff(api, shop(ports=PORTS), namespace="finance") == []
    assert sorted(call for call in asked if "ShopService" in call) == [
        "list ShopService finance", "list ShopService shop"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "status"), [("list ShopService", 500), ("list Service shop", 403), ("list PodMonitor shop", 500)]
)
async def test_what_cannot_be_listed_is_an_error(call: str, status: int) -> None:
    api = await applied(ports=PORTS)
    refusing(api, call, status)
    with pytest.raises(ApiError, match="why"):
        await diff(api, shop(ports=PORTS))


async def test_a_cluster_that_does_not_answer_is_no_empty_one() -> None:
    api: Any = MemoryApi()

    async def away(*_: Any, **__: Any) -> Any:
        raise ApiError(500, "InternalError", "why")
        yield

    api.pages = away
    with pytest.raises(ApiError, match="why"):
        await changes(api, Settings(), [shop()])
