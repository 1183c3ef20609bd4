"""A database that somebody else runs, by its Secret."""

import base64

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

KEYS = ("host", "port", "database", "username", "password")


def secret(cluster, *keys: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "orders-rds", "namespace": cluster.namespace},
        "data": {key: base64.b64encode(b"x").decode() for key in keys},
    }


EXTERNAL = {"mode": "external", "external": {"secretName": "orders-rds"}}


async def test_the_secret_is_followed_as_it_comes_changes_and_goes(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("orders", database=EXTERNAL, migrations={"args": ["migrate"]})
    told = await cluster.until_condition("orders", "DatabaseReady", "False", "SecretMissing")
    assert "spec.database.external.secretName: expected a Secret orders-rds" in told["message"]
    await cluster.until_condition("orders", "Progressing", "True", "WaitingForDatabase")
    assert await cluster.get("StatefulSet", "orders-db") is None

    await cluster.api.create(secret(cluster, *KEYS[:3]), kinds.of("Secret"), manager="kubectl")
    told = await cluster.until_condition("orders", "DatabaseReady", "False", "KeyMissing")
    assert told["message"].endswith("Secret orders-rds lacks username, password")

    await cluster.edit("Secret", "orders-rds", {"data": secret(cluster, *KEYS)["data"]})
    await cluster.until_condition("orders", "DatabaseReady", "True", "Bound")
    # The migration may start, in a pod that has the Secret.
    (job,) = await cluster.until(lambda: cluster.all("Job"))
    volumes = job["spec"]["template"]["spec"]["volumes"]
    assert "orders-rds" in [volume.get("secret", {}).get("secretName") for volume in volumes]
    status = (await cluster.get("ShopService", "orders"))["status"]
    assert (status["binding"], status["database"]) == ({"name": "orders-rds"}, "Ready")
    live = await cluster.get("Secret", "orders-rds")
    assert "labels" not in live["metadata"]

    await cluster.delete("Secret", "orders-rds")
    await cluster.until_condition("orders", "DatabaseReady", "False", "SecretMissing")


async def test_a_reconcile_with_nothing_to_do_reads_nothing(cluster, operator) -> None:
    await cluster.api.create(secret(cluster, *KEYS), kinds.of("Secret"), manager="kubectl")
    await operator.start()
    await cluster.apply("orders", database=EXTERNAL)
    await cluster.until_condition("orders", "DatabaseReady", "True", "Bound")
    await cluster.until(operator.idle)
    before = operator.reconciles()
    cluster.mark()
    await cluster.edit("ShopService", "orders", {"metadata": {"labels": {"team": "a"}}})

    async def looked() -> bool:
        return operator.reconciles() > before

    await cluster.until(looked)
    assert cluster.calls() == []
