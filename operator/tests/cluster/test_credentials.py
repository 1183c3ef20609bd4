"""Credentials at a real API server: what is lost comes back, and a rotation survives its operator."""

import base64

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver


async def data(cluster, name: str) -> dict[str, str]:
    secret = await cluster.get("Secret", name)
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def encoded(**values: str) -> dict:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}


async def made(cluster, operator, **database) -> dict[str, str]:
    """A service with a database; its binding."""
    await operator.start()
    await cluster.apply("cart", database=database)
    await cluster.until_reconciled("cart")
    return await data(cluster, "cart-db")


async def lose(cluster, *names: str) -> None:
    """Delete Secrets; return when all are there again."""
    before = {name: (await cluster.get("Secret", name))["metadata"]["uid"] for name in names}
    for name in names:
        await cluster.delete("Secret", name)
    for name, uid in before.items():

        async def back(name: str = name, uid: str = uid) -> bool:
            return (await cluster.get("Secret", name))["metadata"]["uid"] != uid

        await cluster.until(back)


async def running(cluster) -> None:
    """As if there were a node."""
    for kind, name in (("StatefulSet", "cart-db"), ("Deployment", "cart")):
        generation = (await cluster.get(kind, name))["metadata"]["generation"]
        ready = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        await cluster.set_status(kind, name, observedGeneration=generation, **ready)


async def test_it_is_never_changed_by_itself(cluster, operator) -> None:
    first = await made(cluster, operator)
    both = await data(cluster, "cart-db-logins")
    for replicas in (2, 3):
        operator.kill()
        await operator.start()
        await cluster.apply("cart", database={}, replicas=replicas)
        await cluster.until_reconciled("cart")
    assert await data(cluster, "cart-db") == first
    assert await data(cluster, "cart-db-logins") == both


async def test_a_deleted_binding_comes_back_as_it_was(cluster, operator) -> None:
    first = await made(cluster, operator)
    await lose(cluster, "cart-db")
    assert await data(cluster, "cart-db") == first


async def test_deleted_logins_come_back_with_the_one_in_use_unchanged(cluster, operator) -> None:
    first = await made(cluster, operator)
    before = await data(cluster, "cart-db-logins")
    await lose(cluster, "cart-db-logins")
    after = await data(cluster, "cart-db-logins")
    assert after["a"] == before["a"] == first["password"]
    assert after["b"] != before["b"]
    assert await data(cluster, "cart-db") == first


async def test_with_both_deleted_both_are_new(cluster, operator) -> None:
    first = await made(cluster, operator)
    operator.kill()
    for name in ("cart-db", "cart-db-logins"):
        await cluster.delete("Secret", name)
    await operator.start()
    await cluster.until_there("Secret", "cart-db")
    after = await data(cluster, "cart-db")
    assert after["password"] != first["password"]
    assert (await data(cluster, "cart-db-logins"))[after["username"][-1]] == after["password"]


async def test_an_edited_binding_is_put_back_and_edited_logins_are_followed(cluster, operator) -> None:
    first = await made(cluster, operator)
    await cluster.edit("Secret", "cart-db", encoded(password="mine", host="elsewhere"))

    async def put_back() -> bool:
        return await data(cluster, "cart-db") == first

    await cluster.until(put_back)
    await cluster.edit("Secret", "cart-db-logins", encoded(a="mine"))

    async def followed() -> bool:
        return (await data(cluster, "cart-db"))["password"] == "mine"

    await cluster.until(followed)


async def test_a_rotation_waits_for_its_job_and_survives_a_kill_at_each_step(cluster, operator) -> None:
    first = await made(cluster, operator, credentials={"revision": 1})
    before = await data(cluster, "cart-db-logins")
    operator.kill()
    await cluster.apply("cart", database={"credentials": {"revision": 2}})
    await operator.start()
    await cluster.until_condition("cart", "Progressing", "True")
    (job,) = await cluster.until(lambda: cluster.all("Job"))
    under_way = await data(cluster, "cart-db-logins")
    assert under_way["a"] == before["a"]
    assert under_way["b"] != before["b"]
    assert await data(cluster, "cart-db") == first
    # Killed in the middle, it goes on with the same password and Job.
    operator.kill()
    await operator.start()
    await cluster.until(operator.idle)
    assert await data(cluster, "cart-db-logins") == under_way
    assert [one["metadata"]["uid"] for one in await cluster.all("Job")] == [job["metadata"]["uid"]]
    assert await data(cluster, "cart-db") == first
    # The Job ends while no operator looks.
    operator.kill()
    await cluster.end_job(job["metadata"]["name"], "Complete")
    await operator.start()

    async def rotated() -> bool:
        return (await data(cluster, "cart-db"))["username"] == "cart_b"

    await cluster.until(rotated)
    now = await data(cluster, "cart-db")
    assert (now["password"], now["revision"]) == (under_way["b"], "2")
    both = await data(cluster, "cart-db-logins")
    assert (both["a"], both["b"], both["current"]) == (before["a"], under_way["b"], "b")
    await cluster.until_gone("Job", job["metadata"]["name"])
    # The next one has to wait until no pod can be using the login before.
    await running(cluster)
    await cluster.apply("cart", database={"credentials": {"revision": 3}})
    told = await cluster.until_condition("cart", "Progressing", "True", "RotatingCredentials")
    assert "revision 3 waits until 3 minutes after" in told["message"]
    assert await cluster.all("Job") == []


async def test_the_operator_is_killed_between_the_two_secrets_of_a_rotation(cluster, operator) -> None:
    """The logins say that b is current, the binding does not yet: the binding follows."""
    await made(cluster, operator, credentials={"revision": 2})
    operator.kill()
    await cluster.edit("Secret", "cart-db-logins", encoded(current="b"))
    await operator.start()

    async def followed() -> bool:
        return (await data(cluster, "cart-db"))["username"] == "cart_b"

    await cluster.until(followed)
    both = await data(cluster, "cart-db-logins")
    assert (await data(cluster, "cart-db"))["password"] == both["b"]


async def test_a_foreign_secret_with_the_logins_name_is_left_alone(cluster, operator) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cart-db-logins", "namespace": cluster.namespace},
        "stringData": {"a": "theirs"},
    }
    await cluster.api.create(foreign, kinds.of("Secret"), manager="kubectl")
    await operator.start()
    await cluster.apply("cart", database={})
    found = await cluster.until_condition("cart", "Reconciled", "False", "ChildConflict")
    assert "Secret cart-db-logins exists and is not this service's" in found["message"]
    first = await data(cluster, "cart-db")
    await cluster.apply("cart", database={}, replicas=2)

    async def on() -> bool:
        return (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 2

    await cluster.until(on)
    assert await data(cluster, "cart-db-logins") == {"a": "theirs"}
    assert await data(cluster, "cart-db") == first
    await cluster.delete("Secret", "cart-db-logins")
    await cluster.until_reconciled("cart")
    assert (await data(cluster, "cart-db-logins"))["a"] == first["password"]
