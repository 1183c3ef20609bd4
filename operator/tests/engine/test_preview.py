"""`shop-operator diff` on a cluster in memory: what the operator would do, and nothing is done."""

from typing import Any

import pytest
from shop_operator.api import API_VERSION, KIND, ShopService, parse
from shop_operator.cluster.client import ApiError
from shop_operator.engine.preview import changes
from shop_operator.settings import Settings

from ..support.memory import MemoryApi
from .test_engine import running

PORTS = [{"name": "http", "port": 8080}]


def shop(name: str = "cart", **spec: Any) -> ShopService:
    """As it is read from a file: without uid and status."""
    metadata = {"name": name, "namespace": "shop"}
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


async def diff(api: Any, *shops: ShopService) -> list[str]:
    lines = await changes(api, Settings(), list(shops))
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


async def test_a_suspended_service_is_said_to_wait() -> None:
    line, *_ = await diff(await applied(), shop(replicas=2, suspend=True))
    assert line.endswith(" (when no longer suspended)")


async def test_a_cluster_that_does_not_answer_is_no_empty_one() -> None:
    api: Any = MemoryApi()

    async def away(*_: Any, **__: Any) -> Any:
        raise ApiError(500, "InternalError", "why")
        yield

    api.pages = away
    with pytest.raises(ApiError, match="why"):
        await changes(api, Settings(), [shop()])
