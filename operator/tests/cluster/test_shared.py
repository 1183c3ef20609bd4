"""A database that two services use, one of which makes it."""

import pytest

pytestmark = pytest.mark.apiserver

SHARED = {"mode": "shared", "shared": {"service": "notification"}}


async def test_the_database_is_lent_when_it_is_there_and_only_to_who_says_so(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("worker", database=SHARED, migrations={"args": ["migrate"]})
    told = await cluster.until_condition("worker", "DatabaseReady", "False", "ServiceMissing")
    assert told["message"] == (
        "spec.database.shared.service: there is no ShopService notification in this namespace"
    )
    await cluster.until_condition("worker", "Progressing", "True", "WaitingForDatabase")
    await cluster.apply("notification", database={})
    await cluster.until_condition("worker", "DatabaseReady", "False", "NotReady")
    store = await cluster.until_there("StatefulSet", "notification-db")

    async def let_in() -> list[str]:
        policy = await cluster.get("NetworkPolicy", "notification-db")
        [rule] = policy["spec"]["ingress"]
        peers = [peer["podSelector"]["matchLabels"]["shopservice.dev/name"] for peer in rule["from"]]
        return peers if len(peers) == 2 else []

    assert await cluster.until(let_in) == ["notification", "worker"]
    assert await cluster.all("Job") == []
    generation = store["metadata"]["generation"]
    running = {"observedGeneration": generation, "replicas": 1, "readyReplicas": 1}
    await cluster.set_status("StatefulSet", "notification-db", **running)
    await cluster.until_condition("worker", "DatabaseReady", "True", "Shared")
    (job,) = await cluster.until(lambda: cluster.all("Job"))
    volumes = job["spec"]["template"]["spec"]["volumes"]
    assert "notification-db" in [volume.get("secret", {}).get("secretName") for volume in volumes]
    assert await cluster.get("StatefulSet", "worker-db") is None

    await cluster.delete("ShopService", "worker")

    async def shut_out() -> bool:
        policy = await cluster.get("NetworkPolicy", "notification-db")
        return len(policy["spec"]["ingress"][0]["from"]) == 1

    await cluster.until(shut_out)
