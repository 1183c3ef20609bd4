"""Exporters beside databases and caches: where there are some, as whom they look, and who may ask them."""

from typing import Any

import pytest
from shop_operator.api import parse
from shop_operator.children import Context, Manifest, build
from shop_operator.children.exporter import NOBODY
from shop_operator.children.scripts import folder
from shop_operator.settings import Settings

PG, REDIS = "registry/postgres-exporter:1", "registry/redis-exporter:1"
BOTH = {"database": {}, "cache": {"persistence": "AppendOnly"}}
STORES = {"database": "cart-db", "cache": "cart-cache"}


def children(spec: dict[str, Any], **settings: str) -> list[Manifest]:
    """Of a service with these stores, on a cluster with the Prometheus Operator."""
    shop = parse(
        {
            "apiVersion": "shopservice.dev/v1",
            "kind": "ShopService",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u"},
            "spec": {"image": "shop/cart:1", "ports": [{"name": "http", "port": 8080}], **spec},
        }
    )
    context = Context(
        settings=Settings.model_validate(settings), kinds=frozenset({"PodMonitor"}), generate=lambda: "x"
    )
    return build(shop, context)


def watched(**spec: Any) -> list[Manifest]:
    """With both exporters' images given."""
    return children({**BOTH, **spec}, postgres_exporter_image=PG, redis_exporter_image=REDIS)


def one(found: list[Manifest], kind: str, name: str) -> Manifest:
    return next(child for child in found if (child["kind"], child["metadata"]["name"]) == (kind, name))


def container(found: list[Manifest], store: str, name: str = "exporter") -> dict[str, Any]:
    pod = one(found, "StatefulSet", store)["spec"]["template"]["spec"]
    found_here: dict[str, Any] = next(each for each in pod["containers"] if each["name"] == name)
    return found_here


def exporters(found: list[Manifest]) -> list[str]:
    sets = [child for child in found if child["kind"] == "StatefulSet"]
    return [
        each["image"]
        for child in sets
        for each in child["spec"]["template"]["spec"]["containers"]
        if each["name"] == "exporter"
    ]


def monitors(found: list[Manifest]) -> list[str]:
    return [child["metadata"]["name"] for child in found if child["kind"] == "PodMonitor"]


def test_each_store_has_its_own() -> None:
    found = watched()
    assert exporters(found) == [PG, REDIS]
    assert monitors(found) == ["cart", "cart-db", "cart-cache"]


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ({}, {}),
        (
            {"monitoring": {"enabled": False}},
            {"postgres_exporter_image": PG, "redis_exporter_image": REDIS},
        ),
    ],
    ids=["no images", "not monitored"],
)
def test_without_images_or_monitoring_there_is_none(spec: dict[str, Any], settings: dict[str, str]) -> None:
    found = children({**BOTH, **spec}, **settings)
    assert exporters(found) == []
    assert set(monitors(found)) <= {"cart"}
    for store in STORES.values():
        assert len(one(found, "NetworkPolicy", store)["spec"]["ingress"]) == 1
        assert "publishNotReadyAddresses" not in one(found, "Service", store)["spec"]
    redis = container(found, "cart-cache", "redis")
    assert "METRICS_PASSWORD" not in [variable["name"] for variable in redis["env"]]


def test_one_image_alone_is_one_exporter() -> None:
    assert exporters(children(BOTH, redis_exporter_image=REDIS)) == [REDIS]


def test_a_database_elsewhere_has_none() -> None:
    outside = {"database": {"mode": "external", "external": {"secretName": "rds"}}}
    found = children(outside, postgres_exporter_image=PG)
    assert monitors(found) == ["cart"]


def test_a_cache_in_memory_has_one_too() -> None:
    found = children({"cache": {}}, redis_exporter_image=REDIS)
    pod = one(found, "Deployment", "cart-cache")["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["containers"]] == ["redis", "exporter"]


@pytest.mark.parametrize(("component", "store"), STORES.items())
def test_its_series_are_of_the_stores_job_and_not_of_the_services(component: str, store: str) -> None:
    """Who asks whether the service is up, as its autoscaler does, must not be answered by its database."""
    monitor = one(watched(), "PodMonitor", store)["spec"]
    assert "jobLabel" not in monitor
    assert monitor["selector"]["matchLabels"]["app.kubernetes.io/component"] == component
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert {"targetLabel": "job", "replacement": store} in endpoint["relabelings"]
    ports = container(watched(), store)["ports"]
    assert [port["name"] for port in ports] == [endpoint["port"]]


@pytest.mark.parametrize("store", STORES.values())
def test_prometheus_gets_to_the_exporter_and_to_nothing_else(store: str) -> None:
    found = watched()
    users, prometheus = one(found, "NetworkPolicy", store)["spec"]["ingress"]
    (listens,) = container(found, store)["ports"]
    assert prometheus["ports"] == [{"port": listens["containerPort"], "protocol": "TCP"}]
    assert "namespaceSelector" in prometheus["from"][0]
    assert all("namespaceSelector" not in peer for peer in users["from"])


@pytest.mark.parametrize("store", STORES.values())
def test_it_is_not_the_servers_user_and_has_no_secret(store: str) -> None:
    """Over the socket the server's own user is PostgreSQL's superuser."""
    found = container(watched(), store)
    assert found["securityContext"]["runAsUser"] == NOBODY
    assert found["securityContext"]["allowPrivilegeEscalation"] is False
    mounts = {mount["name"] for mount in found["volumeMounts"]}
    assert mounts <= {"tmp", "socket"}
    assert "secretKeyRef" not in str(found["env"])


def test_the_cache_knows_its_exporter_by_the_same_word() -> None:
    found = watched()
    here = {variable["name"]: variable for variable in container(found, "cart-cache")["env"]}
    there = {variable["name"]: variable for variable in container(found, "cart-cache", "redis")["env"]}
    assert here["REDIS_PASSWORD"]["valueFrom"] == there["METRICS_PASSWORD"]["valueFrom"]


@pytest.mark.parametrize("store", STORES.values())
def test_a_store_that_cannot_be_watched_can_be_used(store: str) -> None:
    assert one(watched(), "Service", store)["spec"]["publishNotReadyAddresses"] is True


def test_the_scripts_name_the_logins_that_the_exporters_use() -> None:
    source = next(v for v in container(watched(), "cart-db")["env"] if v["name"] == "DATA_SOURCE_NAME")
    role = next(part for part in source["value"].split() if part.startswith("user=")).removeprefix("user=")
    assert f"nobody {role}\n" in folder("postgres")["pg_ident.conf"]
    assert f"local all {role} peer" in folder("postgres")["pg_hba.conf"]
    assert f"TO {role};" in folder("postgres")["roles.sql"]
    user = next(v for v in container(watched(), "cart-cache")["env"] if v["name"] == "REDIS_USER")
    assert f'"user {user["value"]} on ' in folder("redis")["start.sh"]
