"""A CronJob for each job of the service: what it does by the clock."""

from typing import Any

from shop_operator.api import ScheduledJob, ShopService
from shop_operator.children import resources
from shop_operator.children.container import DEFAULT_RESOURCES, container, pod
from shop_operator.children.context import Context, Manifest
from shop_operator.children.initcontainers import init_containers
from shop_operator.children.meta import labels, manifest

KEPT = 1
"""Runs that ended well, and such that failed, whose logs can be looked at."""
LATE_SECONDS = 600
"""How late a run may begin when its time was missed."""


def name(shop: ShopService, job: ScheduledJob) -> str:
    """Name of the CronJob."""
    return f"{shop.name}-{job.name}"


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The image in the environment of the service, with other arguments, when the time comes."""
    return [
        manifest(shop, "batch/v1", "CronJob", "job", name=name(shop, job), spec=_spec(shop, job, context))
        for job in shop.spec.jobs
    ]


def _spec(shop: ShopService, job: ScheduledJob, context: Context) -> dict[str, Any]:
    return {
        "schedule": job.schedule,
        "timeZone": "Etc/UTC",
        "suspend": job.suspend,
        "concurrencyPolicy": job.concurrency,
        "startingDeadlineSeconds": LATE_SECONDS,
        "successfulJobsHistoryLimit": KEPT,
        "failedJobsHistoryLimit": KEPT,
        "jobTemplate": {
            "spec": {
                "backoffLimit": job.retries,
                "activeDeadlineSeconds": job.timeout_seconds,
                # The labels are the pods' alone: a Job that the CronJob makes is no child of the service's.
                "template": {
                    "metadata": {"labels": labels(shop, "job")},
                    "spec": _pod(shop, job, context),
                },
            }
        },
    }


def _pod(shop: ShopService, job: ScheduledJob, context: Context) -> dict[str, Any]:
    main = container(shop, context, command=job.command, args=job.args)
    if job.resources is not None:
        main["resources"] = resources.merged(job.resources, DEFAULT_RESOURCES)
    return {
        **pod(shop, context),
        "restartPolicy": "Never",
        "initContainers": init_containers(shop, context),
        "containers": [main],
    }
