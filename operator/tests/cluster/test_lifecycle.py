"""Removal, retention, adoption, conflicts, dependencies."""

import pytest
from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]


async def test_what_is_removed_from_the_spec_is_pruned_and_data_is_kept(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", ports=PORTS, database={}, cache={"persistence": "None"})
    await cluster.until_reconciled("cart")
    await cluster.apply("cart")
    await cluster.until_reconciled("cart")
    for kind, name in (
        ("StatefulSet", "cart-db"),
        ("ConfigMap", "cart-db"),
        ("Service", "cart"),
        ("Service", "cart-db"),
    ):
        await cluster.until_gone(kind, name)
    assert await cluster.get("Secret", "cart-db")
    claim = await cluster.get("PersistentVolumeClaim", "data-cart-db-0")
    assert claim
    assert "deletionTimestamp" not in claim["metadata"]
    status = (await cluster.get("ShopService", "cart"))["status"]
    assert "binding" not in status
    assert not any(child["name"].startswith("cart-") for child in status["children"])
    assert not any(condition["type"] == "DatabaseReady" for condition in status["conditions"])


async def test_deleted_and_made_again_it_adopts_its_data(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    secret = await cluster.get("Secret", "cart-db")
    claim = await cluster.get("PersistentVolumeClaim", "data-cart-db-0")
    await cluster.delete("ShopService", "cart")
    for kind, name in (("Deployment", "cart"), ("StatefulSet", "cart-db"), ("ServiceAccount", "cart")):
        await cluster.until_gone(kind, name)
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    again = await cluster.get("Secret", "cart-db")
    assert again["metadata"]["uid"] == secret["metadata"]["uid"]
    assert again["data"] == secret["data"]
    kept = await cluster.get("PersistentVolumeClaim", "data-cart-db-0")
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]


async def test_made_again_at_once_it_waits_for_the_garbage_collector(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart")
    await cluster.until_reconciled("cart")
    old = (await cluster.get("Deployment", "cart"))["metadata"]["uid"]
    await cluster.delete("ShopService", "cart")
    service = await cluster.apply("cart")

    async def owned() -> bool:
        live = await cluster.get("Deployment", "cart")
        return live["metadata"]["ownerReferences"][0]["uid"] == service["metadata"]["uid"]

    await cluster.until(owned, seconds=90)  # as until_gone
    assert (await cluster.get("Deployment", "cart"))["metadata"]["uid"] != old


async def test_delete_policy_takes_the_data_along(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", database={"deletionPolicy": "Delete"})
    await cluster.until_reconciled("cart")
    await cluster.delete("ShopService", "cart")
    await cluster.until_gone("Secret", "cart-db")


async def test_a_foreign_object_is_left_alone_and_the_others_go_on(cluster, operator) -> None:
    await operator.start()
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "cart", "namespace": cluster.namespace},
        "spec": {"ports": [{"port": 1234}]},
    }
    await cluster.api.create(foreign, kinds.of("Service"), manager="kubectl")
    await cluster.apply("cart", ports=PORTS)
    found = await cluster.until_condition("cart", "Reconciled", "False", "ChildConflict")
    assert "Service cart exists and is not this service's" in found["message"]
    assert await cluster.get("Deployment", "cart")
    assert (await cluster.get("Service", "cart"))["spec"]["ports"][0]["port"] == 1234
    # What its owner does with it is none of our business, and costs nothing.
    await cluster.until(operator.idle)
    cluster.mark()
    await cluster.edit("Service", "cart", {"spec": {"ports": [{"port": 1234, "name": "theirs"}]}})
    await cluster.delete("Service", "cart")
    await cluster.until_reconciled("cart")
    await cluster.until(operator.idle)
    assert sorted(cluster.calls()) == ["get services/cart", "patch services/cart", "patch shopservices/cart"]
    assert (await cluster.get("Service", "cart"))["spec"]["ports"][0]["port"] == 80


async def test_a_foreign_object_that_is_handed_over_becomes_the_child(cluster, operator) -> None:
    await operator.start()
    foreign = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "cart", "namespace": cluster.namespace},
    }
    await cluster.api.create(foreign, kinds.of("ServiceAccount"), manager="kubectl")
    await cluster.apply("cart", ports=PORTS)
    found = await cluster.until_condition("cart", "Reconciled", "False", "ChildConflict")
    labels = dict(
        label.split("=") for label in found["message"].partition("label it ")[2].split(" ")[0].split(",")
    )
    await cluster.edit("ServiceAccount", "cart", {"metadata": {"labels": labels}})
    await cluster.until_reconciled("cart")
    owner = (await cluster.get("ServiceAccount", "cart"))["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "ShopService"


async def test_everything_that_is_in_the_way_is_told_at_once(cluster, operator) -> None:
    await operator.start()
    for kind, version in (("Service", "v1"), ("ServiceAccount", "v1")):
        theirs = {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "cart", "namespace": cluster.namespace},
        }
        spec = {"spec": {"ports": [{"port": 1234}]}} if kind == "Service" else {}
        await cluster.api.create(theirs | spec, kinds.of(kind), manager="kubectl")
    # A volume that no pod may have: only the API server knows, and refuses the Deployment.
    await cluster.apply("cart", ports=PORTS, volumes=[{"name": "x", "unknown": {}}])

    async def told() -> str | None:
        message = (await cluster.condition("cart", "Reconciled"))["message"]
        return message if "Deployment cart: " in message else None

    message = await cluster.until(told)
    for found in ("Service cart exists and is not", "ServiceAccount cart exists and is not"):
        assert message.count(found) == 1


async def test_two_services_do_not_fight_over_a_child(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    await cluster.apply("cart-db", ports=PORTS)
    found = await cluster.until_condition("cart-db", "Reconciled", "False", "ChildConflict")
    assert "Service cart-db" in found["message"]
    service = await cluster.get("Service", "cart-db")
    assert service["metadata"]["labels"]["shopservice.dev/name"] == "cart"


async def test_a_missing_dependency_is_reported_until_it_comes(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])
    found = await cluster.until_condition("cart", "Degraded", "True", "DependencyMissing")
    assert "catalog" in found["message"]
    await cluster.apply("catalog", ports=PORTS)
    await cluster.until_condition("cart", "Degraded", "False")
    await cluster.delete("ShopService", "catalog")
    await cluster.until_condition("cart", "Degraded", "True", "DependencyMissing")


async def test_the_network_policy_of_a_service_follows_its_dependants(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.until_reconciled("catalog")

    async def callers() -> str:
        return str((await cluster.get("NetworkPolicy", "catalog"))["spec"])

    assert "cart" not in await callers()
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])

    async def open_() -> bool:
        return "cart" in await callers()

    async def closed() -> bool:
        return "cart" not in await callers()

    await cluster.until(open_)
    await cluster.apply("cart")
    await cluster.until(closed)


async def test_an_invalid_spec_is_reported_and_the_version_before_keeps_running(cluster, operator) -> None:
    """The CRD refuses it; one that was stored under an older CRD has to be put up with."""
    await operator.start()
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    crd = await cluster.api._call(
        "get", kinds.CRD, "GET", kinds.CRD.path(None, "shopservices.shopservice.dev")
    )
    lenient = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {**crd["spec"]["versions"][0], "schema": {"openAPIV3Schema": lenient}}
    await cluster.api._call(
        "patch", kinds.CRD, "PATCH", kinds.CRD.path(None, "shopservices.shopservice.dev"),
        body={"spec": {"versions": [version]}}, content_type="application/merge-patch+json",
    )  # fmt: skip
    cluster.mark()

    async def stored() -> bool:
        try:
            answer = await cluster.edit(
                "ShopService", "cart", {"spec": {"image": "shop/x:2", "ports": "many"}}
            )
        except ApiError:  # the CRD of before is still in force
            return False
        return answer["spec"]["ports"] == "many"

    await cluster.until(stored)
    found = await cluster.until_condition("cart", "Reconciled", "False", "InvalidSpec")
    assert "spec.ports" in found["message"]
    assert (await cluster.get("Deployment", "cart"))["spec"]["template"]["spec"]["containers"][0][
        "image"
    ] == "shop/x:1"
    children = (await cluster.get("ShopService", "cart"))["status"]["children"]
    assert {"kind": "Service", "name": "cart", "ready": True, "reason": "Applied"} in children
    await cluster.edit("ShopService", "cart", {"spec": {"ports": PORTS}})
    await cluster.until_reconciled("cart")
    assert (await cluster.get("Deployment", "cart"))["spec"]["template"]["spec"]["containers"][0][
        "image"
    ] == "shop/x:2"
