"""What the operator would do, for `shop-operator diff`: the same look as a reconcile takes, and no writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shop_operator.api import ShopService, parse
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import project
from shop_operator.engine import issuer
from shop_operator.engine.cache import Cache, Key, ref_of
from shop_operator.engine.dependencies import Dependencies
from shop_operator.engine.diff import differences, readable
from shop_operator.engine.events import Events
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.plan import Apply, Conflict, Create, Delete, HandOver, Step
from shop_operator.engine.reconcile import Pass, Reconciler
from shop_operator.settings import Settings

Manifest = dict[str, Any]


async def changes(api: Api, settings: Settings, shops: list[ShopService]) -> list[str]:
    """One line for each change that applying these ShopServices would make. Raises ApiError."""
    cache = Cache()
    served = set()
    for namespace in sorted({shop.namespace for shop in shops}):
        for kind in (kinds.SHOP_SERVICE, *kinds.CHILDREN):
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
    reconciler = Reconciler(api, cache, dependencies, Events(api, "diff"), Metrics(), settings)
    reconciler.kinds = frozenset(served)
    reconciler.issuer = await issuer.read(api, shops[0].namespace)
    lines: list[str] = []
    for key, service in wanted.items():
        _, steps = await reconciler.look(key, service, parse(service), Pass())
        lines += [f"{key}  {line}" for step in steps for line in _described(step)]
    return lines


async def _fill(cache: Cache, api: Api, kind: kinds.Kind, namespace: str) -> bool:
    """Read one kind into the cache; False where the cluster does not serve it."""
    selector = "" if kind is kinds.SHOP_SERVICE else kinds.MANAGED_BY
    try:
        async for page in api.pages(kind, namespace=namespace, selector=selector):
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


def _described(step: Step) -> Iterator[str]:
    match step:
        case Create(manifest) | Apply(manifest, None):
            yield f"+ {ref_of(manifest)}"
        case Apply(manifest, live):
            assert live is not None
            fields = [readable(path) for path in differences(manifest, live)]
            shown = [field for field in fields if "applied-hash" not in field]
            yield f"~ {ref_of(manifest)}: {', '.join(shown) or 'fields no longer wanted are removed'}"
        case Delete(live):
            yield f"- {ref_of(live)}"
        case Conflict(manifest, _):
            yield f"! {ref_of(manifest)}: exists and is not this service's; it would be left alone"
        case HandOver():
            pass  # the number of pods stays as it is
