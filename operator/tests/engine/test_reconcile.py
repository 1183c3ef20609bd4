"""A race that no real server can be made to run into on demand."""

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
