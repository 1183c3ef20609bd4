"""What the operator would do, for `shop-operator diff`: the same look as a reconcile takes, and no writes."""

from __future__ import annotations

from typing import Any

from shop_operator.api import ShopService, parse
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import project
from shop_operator.engine import issuer
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.dependencies import Dependencies
from shop_operator.engine.look import Look
from shop_operator.engine.passes import Pass
from shop_operator.engine.plan import described
from shop_operator.settings import Settings

Manifest = dict[str, Any]


async def changes(api: Api, settings: Settings, shops: list[ShopService]) -> list[str]:
    """One line for each change that applying these ShopServices would make. Raises ApiError."""
    cache = Cache()
    served = set()
    namespaces = sorted({shop.namespace for shop in shops})
    await _services(cache, api, settings, namespaces)
    for namespace in namespaces:
        for kind in kinds.CHILDREN:
            if await _fill(cache, api, kind, namespace) and kind.optional:
                served.add(kind.kind)
    wanted = {Key(shop.namespace, shop.name): _as_applied(shop, cache) for shop in shops}
    present = {
        Key(live["metadata"]["namespace"], live["metadata"]["name"]): live
        for live in cache.of_kind(kinds.SHOP_SERVICE.kind)
    }
    dependencies = Dependencies()
    for key, service in (present | wanted).items():
        dependencies.change(key, None, service)
    look = Look(api, cache, dependencies, settings)
    look.kinds = frozenset(served)
    look.issuer = await issuer.read(api) or await issuer.told_before(api, shops[0].namespace)
    lines: list[str] = []
    for key, service in wanted.items():
        shop = parse(service)
        view = await look.take(key, service, shop, Pass())
        when = " (when no longer suspended)" if shop.spec.suspend else ""
        lines += [f"{key}  {line}{when}" for step in view.steps for line in described(step)]
    return lines


async def _services(cache: Cache, api: Api, settings: Settings, namespaces: list[str]) -> None:
    """The ShopServices that the operator sees, since any of them may call these.

    Who may not look at all namespaces is told what follows from these ones.
    """
    if not settings.namespace:
        try:
            await _fill(cache, api, kinds.SHOP_SERVICE, None)
            return
        except ApiError as error:
            if error.status != 403:
                raise
    for namespace in {settings.namespace, *namespaces} - {""}:
        await _fill(cache, api, kinds.SHOP_SERVICE, namespace)


async def _fill(cache: Cache, api: Api, kind: kinds.Kind, namespace: str | None) -> bool:
    """Read one kind into the cache; False where the cluster does not serve it."""
    try:
        async for page in api.pages(kind, namespace=namespace, selector=kind.selector):
            for item in page["items"] or ():
                cache.update(kind.kind, project(item, kind.kind))
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True


def _as_applied(shop: ShopService, cache: Cache) -> Manifest:
    """The ShopService of a file with what the cluster knows of it: uid and status."""
    given = shop.model_dump(mode="json", by_alias=True, exclude_unset=True)
    metadata = {**given["metadata"], "namespace": shop.namespace}
    live = cache.get(kinds.SHOP_SERVICE.kind, shop.namespace, shop.name) or {"metadata": {}}
    return {**given, "metadata": {**live["metadata"], **metadata}, "status": live.get("status", {})}
