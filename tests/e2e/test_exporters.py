"""Every database, every cache and the broker is seen, by something that is small and tells little."""

from __future__ import annotations

import pytest

from .conftest import Json, Kube, Shop, is_ready, long

pytestmark = pytest.mark.needs("broker", "catalog")

MOST_SERIES = 500
"""Of one exporter. There is one beside each database."""


@pytest.fixture(scope="module")
def stores(kube: Kube) -> dict[str, str]:
    """The jobs of all stores that the operator keeps, and the series that says that the server answers."""
    found = {}
    for service in kube.items("shopservices"):
        name, spec = service["metadata"]["name"], service["spec"]
        if spec.get("database", {}).get("mode") == "dedicated":
            found[f"{name}-db"] = "pg_up"
        if "cache" in spec:
            found[f"{name}-cache"] = "redis_up"
    assert {"pg_up", "redis_up"} == set(found.values())
    return found


def by_job(shop: Shop, promql: str) -> dict[str, float]:
    return {one["metric"]["job"]: float(one["value"][1]) for one in shop.query(promql)}


def test_every_server_answers_its_exporter(shop, stores, wait):
    answering = lambda: by_job(shop, "pg_up == 1 or redis_up == 1").keys() >= stores.keys()  # noqa: E731
    wait("all of them", answering, 60)
    wait("the broker", lambda: by_job(shop, "nats_up == 1"), 60)


def test_what_is_told_is_of_these_servers(kube, shop, stores, wait):
    """A table that is made in one database shows there and in no other."""
    size = 'pg_database_size_bytes{job="catalog-db",datname="catalog"}'
    before = wait("the size", lambda: by_job(shop, size), 60)["catalog-db"]
    kube.sql("catalog", "create table seen as select repeat('x', 1000) from generate_series(1, 5000)")
    try:
        wait("a larger one", lambda: by_job(shop, size)["catalog-db"] > before + 5_000_000, 60)
    finally:
        kube.sql("catalog", "drop table seen")


def test_each_tells_little(shop, stores):
    # One that has just taken another's place is not counted with it.
    each = 'count by (job, instance) ({namespace="shop",job=~".+-(db|cache)|broker-metrics"})'
    told = by_job(shop, f"max by (job) ({each})")
    assert told.keys() >= stores.keys() | {"broker-metrics"}
    assert {job: count for job, count in told.items() if count > MOST_SERIES} == {}


def test_none_was_ended_for_want_of_memory(kube, stores):
    every = kube.items("pods", "-l", "app.kubernetes.io/component in (database, cache)")
    exporters = {pod["metadata"]["name"]: status for pod in every for status in of_exporter(pod)}
    assert len(exporters) >= len(stores)
    assert {
        name: status["restartCount"] for name, status in exporters.items() if status["restartCount"]
    } == {}


def of_exporter(pod: Json) -> list[Json]:
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return [status for status in statuses if status["name"] == "exporter"]


@long
@pytest.mark.takes("catalog")
def test_a_database_whose_exporter_cannot_run_is_used(kube, shop, wait):
    """Its pod is not ready then, and nobody is turned away for that."""
    kube.run("patch", "pod", "catalog-db-0", "--type=json", "--patch", BROKEN)
    try:
        wait("the pod to be unready", lambda: not ready(kube, "catalog-db-0"), 90)
        answer = shop.catalog.get("/products")
        assert answer.status_code == 200, answer.text
        assert shop.catalog.get("/readyz").status_code == 200
    finally:
        kube.run("delete", "pod", "catalog-db-0", "--wait")
        wait("the pod to be ready", lambda: ready(kube, "catalog-db-0"), 120)


# Containers are postgres, roles, exporter; the image is all that may change of a pod's.
BROKEN = '[{"op": "replace", "path": "/spec/containers/2/image", "value": "shop/there-is-none:1"}]'


def ready(kube: Kube, pod: str) -> bool:
    return is_ready(kube.get("pod", pod) or {})
