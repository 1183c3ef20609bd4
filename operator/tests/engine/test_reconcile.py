"""Races that no real server can be made to run into on demand."""

from typing import Any

from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.dependencies import Dependencies
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.reconcile import Reconciler
from shop_operator.settings import Settings

CART = Key("shop", "cart")


def service(version: int, image: str) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "cart", "uid": "u", "resourceVersion": str(version)}
    return {"kind": "ShopService", "metadata": {**metadata, "generation": version}, "spec": {"image": image}}


class Api:
    """Applies whatever it is given; the answer to the status is one in which a person was quicker."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    async def get(self, *_: Any) -> None:
        return None

    async def apply(self, manifest: dict[str, Any], *_: Any, subresource: str = "", **__: Any) -> Any:
        if subresource == "status":
            return {**self.answer, "status": manifest["status"]}
        return {**manifest, "metadata": {**manifest["metadata"], "uid": "x", "resourceVersion": "1"}}


async def reconciled_with(answer: dict[str, Any]) -> list[Key]:
    """The keys that listeners heard of while version 1 of the service was reconciled."""
    cache = Cache()
    cache.update("ShopService", service(1, "x:1"))
    heard: list[Key] = []
    cache.listen(lambda key, old, new: heard.append(key))
    api: Any = Api(answer)
    events: Any = None
    await Reconciler(api, cache, Dependencies(), events, Metrics(), Settings()).reconcile(CART)
    # The event of the change comes after the answer that has it already, and is dropped as old.
    cache.update("ShopService", service(2, "x:2"))
    return heard


async def test_a_spec_that_changed_while_the_status_was_written_is_not_missed() -> None:
    theirs = service(3, "x:2")
    assert await reconciled_with(theirs) == [CART]


async def test_our_own_status_is_no_news() -> None:
    ours = service(3, "x:1")
    ours["metadata"]["generation"] = 1
    cache_heard = await reconciled_with(ours)
    assert cache_heard == []


class Cluster(Api):
    """Has one ShopService, which the cache may not have heard of yet; records what is done."""

    def __init__(self, now: dict[str, Any] | None) -> None:
        super().__init__({})
        self.now = now
        self.done: list[str] = []

    async def get(self, kind: Any, *_: Any) -> Any:
        return self.now if kind.kind == "ShopService" else None

    async def apply(self, manifest: dict[str, Any], *_: Any, subresource: str = "", **__: Any) -> Any:
        self.done.append(f"apply {manifest['kind']} {subresource}".strip())
        return {**manifest, "metadata": {**manifest["metadata"], "uid": "x", "resourceVersion": "9"}}

    async def delete(self, kind: Any, *_: Any, **__: Any) -> None:
        self.done.append(f"delete {kind.kind}")


def reported(version: int, **spec: Any) -> dict[str, Any]:
    """A service that had a Deployment when its status was written."""
    child = {"kind": "Deployment", "name": "cart", "ready": True, "reason": "Available"}
    return service(version, "x:1") | {"spec": {"image": "x:1", **spec}, "status": {"children": [child]}}


def with_data(version: int) -> dict[str, Any]:
    """A service that had a claim when its status was written: nobody collects one that is made too late."""
    claim = {"kind": "PersistentVolumeClaim", "name": "data-cart-db-0", "ready": True, "reason": "Bound"}
    return reported(version, database={}) | {"status": {"children": [claim]}}


async def done_to(
    now: dict[str, Any] | None, *children: dict[str, Any], known: dict[str, Any] | None = None
) -> tuple[list[str], list[Key]]:
    """What is done, and what the cache tells, when it knows `known` (version 1) and the cluster has `now`."""
    cache = Cache()
    cache.update("ShopService", known or reported(1))
    for child in children:
        cache.update(child["kind"], child)
    heard: list[Key] = []
    cache.listen(lambda key, old, new: heard.append(key))
    cluster, events = Cluster(now), Events()
    api: Any = cluster
    telling: Any = events
    await Reconciler(api, cache, Dependencies(), telling, Metrics(), Settings()).reconcile(CART)
    return cluster.done, heard


class Events:
    async def tell(self, *_: Any, **__: Any) -> None:
        pass


def port_of_cart() -> dict[str, Any]:
    """A Service of the cart, whose spec as the cache has it names no ports."""
    owner = {"kind": "ShopService", "name": "cart", "uid": "u", "controller": True}
    metadata = {
        "namespace": "shop",
        "name": "cart",
        "uid": "s",
        "resourceVersion": "1",
        "ownerReferences": [owner],
    }
    return {"kind": "Service", "metadata": {**metadata, "labels": {"shopservice.dev/name": "cart"}}}


async def test_a_claim_that_went_with_its_service_is_not_made_again() -> None:
    assert await done_to(None, known=with_data(1)) == ([], [CART])


async def test_a_child_that_goes_with_its_owner_anyway_is_made_again_without_asking() -> None:
    done, _ = await done_to(None)
    assert "apply Deployment" in done


async def test_a_claim_of_a_service_that_was_made_anew_waits_for_its_spec() -> None:
    again = with_data(5)
    again["metadata"]["uid"] = "v"
    done, heard = await done_to(again, known=with_data(1))
    assert (done, set(heard)) == ([], {CART})


async def test_a_child_that_the_newest_spec_wants_is_not_removed() -> None:
    assert await done_to(reported(5, ports=[{"name": "http", "port": 80}]), port_of_cart()) == ([], [CART])


async def test_what_the_service_still_wants_is_made_again_and_what_it_does_not_removed() -> None:
    done, _ = await done_to(reported(1), port_of_cart())
    assert "apply Deployment" in done
    assert "delete Service" in done
