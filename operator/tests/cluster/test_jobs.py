"""Work by the clock, as a real API server takes it."""

import pytest

pytestmark = pytest.mark.apiserver

TRAIN = {"name": "train", "schedule": "17 3 * * *", "args": ["train"]}
SWEEP = {"name": "sweep", "schedule": "@hourly", "suspend": True}


async def test_jobs_come_change_are_repaired_and_go(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("orders", jobs=[TRAIN, SWEEP])
    train, sweep = [await cluster.until_there("CronJob", f"orders-{name}") for name in ("train", "sweep")]
    await cluster.until(operator.idle)
    assert (train["spec"]["schedule"], train["spec"]["suspend"]) == ("17 3 * * *", False)
    assert sweep["spec"]["suspend"] is True
    status = (await cluster.get("ShopService", "orders"))["status"]
    shown = {child["name"]: child["reason"] for child in status["children"] if child["kind"] == "CronJob"}
    assert shown == {"orders-train": "Scheduled", "orders-sweep": "Suspended"}

    await cluster.until(operator.idle)
    await cluster.edit("CronJob", "orders-train", {"spec": {"suspend": True}})

    async def repaired() -> bool:
        return (await cluster.get("CronJob", "orders-train"))["spec"]["suspend"] is False

    await cluster.until(repaired)
    await cluster.edit("ShopService", "orders", {"spec": {"jobs": [{**TRAIN, "suspend": True}]}})

    await cluster.until_gone("CronJob", "orders-sweep")
    assert (await cluster.get("CronJob", "orders-train"))["spec"]["suspend"] is True


async def test_a_job_waits_for_the_first_migration(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("orders", jobs=[TRAIN], migrations={"args": ["migrate"]})
    (job,) = await cluster.until(lambda: cluster.all("Job"))
    await cluster.until(operator.idle)
    assert await cluster.get("CronJob", "orders-train") is None
    await cluster.end_job(job["metadata"]["name"], "Complete")
    await cluster.until_there("CronJob", "orders-train")
