"""What has to wait: a rollout for its migration, a login for its trial."""

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.reconcile import Incomplete

from ..support.world import MIGRATIONS, World, complete, passed, refusing, secret_data


async def test_while_a_migration_runs_a_deleted_deployment_comes_back_as_the_version_before(
    world: World,
) -> None:
    world.apply(image="shop/x:1", migrations=MIGRATIONS)
    await world.quiet()
    complete(world)
    await world.quiet()
    world.apply(image="shop/x:2", migrations=MIGRATIONS)
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"
    world.api.remove("Deployment", "cart")
    await world.quiet()
    (container,) = world.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/x:1"
    name = complete(world)
    await world.quiet()
    (container,) = world.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/x:2"
    assert world.status()["migratedImage"] == "shop/x:2"
    # The Job is a child while it is there; when its time is over it is nothing to miss.
    assert ("Job", name) in {(child["kind"], child["name"]) for child in world.status()["children"]}
    world.api.remove("Job", name)
    await world.quiet()
    assert "Job" not in {child["kind"] for child in world.status()["children"]}


async def test_the_job_is_named_while_it_runs_and_when_it_failed(world: World) -> None:
    world.apply(image="shop/x:1", migrations=MIGRATIONS)
    await world.quiet()
    (job,) = [ref.name for ref in world.api.objects if ref.kind == "Job"]
    assert world.condition("Progressing")["message"] == (
        f"Job {job} brings the database to the schema of shop/x:1"
    )
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    world.api.edit("Job", job, lambda live: live.update(status=failed))
    await world.quiet()
    found = world.condition("Degraded")
    assert found["reason"] == "MigrationFailed"
    assert found["message"].startswith(f"Job {job} failed, nothing runs yet.")


async def test_a_migration_waits_for_a_dedicated_database(world: World) -> None:
    world.apply(migrations=MIGRATIONS, database={})
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    ready = {"readyReplicas": 1}
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status=ready))
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"


async def test_a_migration_waits_for_the_whole_secret_of_an_external_database(world: World) -> None:
    keys = ("host", "port", "database", "username", "password")
    theirs = {"kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}}
    world.apply(migrations=MIGRATIONS, database={"mode": "external", "external": {"secretName": "theirs"}})
    await world.quiet()
    assert world.condition("DatabaseReady")["reason"] == "SecretMissing"
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    world.api.put({**theirs, "data": dict.fromkeys(keys[:-1], "eA==")})
    await world.quiet()
    assert world.condition("DatabaseReady")["message"].endswith("Secret theirs lacks password")
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    world.api.put({**theirs, "data": dict.fromkeys(keys, "eA==")})
    await world.quiet()
    assert world.condition("DatabaseReady")["reason"] == "Bound"
    assert world.condition("Progressing")["reason"] == "Migrating"


async def test_a_login_takes_over_when_its_job_has_ended_and_the_next_one_waits(still: World) -> None:
    still.apply(database={})
    assert await passed(still) is None
    assert secret_data(still, "cart-db")["username"] == "cart_a"
    still.apply(database={"credentials": {"revision": 1}})
    assert await passed(still) is None
    name = complete(still)
    assert secret_data(still, "cart-db")["username"] == "cart_a"
    job = still.api.live("Job", name)
    still.engine.cache.update("Job", job)
    await passed(still)
    assert secret_data(still, "cart-db")["username"] == "cart_b"
    still.apply(database={"credentials": {"revision": 2}})
    again = await passed(still)
    assert again is not None
    assert 170 < again <= 180, "three minutes after the rotation before"


@pytest.mark.parametrize("status", [409, 422])
async def test_the_job_that_tried_a_login_stays_until_the_login_is_written(still: World, status: int) -> None:
    still.apply(database={})
    await passed(still)
    still.apply(database={"credentials": {"revision": 1}})
    await passed(still)
    name = complete(still)
    still.engine.cache.update("Job", still.api.live("Job", name))
    refused = ApiError(status, "", "not now")
    still.api.refuse = refusing(
        {f"apply Secret {secret}": refused for secret in ("cart-db", "cart-db-logins")}
    )
    with pytest.raises((ApiError, Incomplete)):
        await passed(still)
    assert still.api.has("Job", name)
    still.api.refuse = refusing({})
    await passed(still)
    assert secret_data(still, "cart-db")["username"] == "cart_b"
    assert not still.api.has("Job", name)


async def test_what_a_pass_held_back_is_said_to_wait_though_its_job_ends_meanwhile(still: World) -> None:
    def ends(call: str = "") -> None:
        if any(ref.kind == "Job" and "status" not in job for ref, job in still.api.objects.items()):
            still.engine.cache.update("Job", still.api.live("Job", complete(still)))

    still.apply(image="shop/x:1", migrations=MIGRATIONS)
    await passed(still)
    ends()
    await passed(still)
    still.apply(image="shop/x:2", migrations=MIGRATIONS)
    still.api.refuse = ends
    await passed(still)
    (container,) = still.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/x:1"
    assert still.condition("Progressing")["reason"] == "Migrating"
    assert still.status()["migratedImage"] == "shop/x:1"


async def test_a_database_that_is_made_again_is_migrated_again(world: World) -> None:
    world.apply(migrations=MIGRATIONS, database={})
    await world.quiet()
    ready = {"readyReplicas": 1}
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status=ready))
    await world.quiet()
    name = complete(world)
    await world.quiet()
    assert world.status()["migratedImage"] == "shop/x:1"
    world.api.remove("Job", name)  # its time is over
    world.api.remove("StatefulSet", "cart-db")
    await world.quiet()
    assert "migratedImage" not in world.status()
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status=ready))
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"
