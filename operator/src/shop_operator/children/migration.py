"""The Job that brings the database to the image's schema before the Deployment moves."""

import hashlib
import json
from typing import Any

from shop_operator.api import ShopService
from shop_operator.children import database
from shop_operator.children.container import container, pod
from shop_operator.children.context import Context, Manifest
from shop_operator.children.initcontainers import init_containers
from shop_operator.children.meta import APPLY_POLICY, labels, manifest

RETRIES = 3
DEADLINE_SECONDS = 1800
TTL_SECONDS = 24 * 3600
"""How long the finished Job, and with it the log, can be looked at."""


def job_name(shop: ShopService) -> str | None:
    """Name of the Job for this image and command; None without migrations.

    The Deployment may move to `spec.image` when this Job is complete, or when `status.migratedImage` says
    that it was.
    """
    migrations = shop.spec.migrations
    if migrations is None:
        return None
    what = json.dumps([shop.spec.image, migrations.command, migrations.args])
    return f"{shop.name}-migrate-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The image in the environment of the service, with other arguments. Applied once for each name."""
    migrations = shop.spec.migrations
    if migrations is None:
        return []
    spec = {
        "backoffLimit": RETRIES,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "ttlSecondsAfterFinished": TTL_SECONDS,
        "template": {
            "metadata": {"labels": labels(shop, "migration")},
            "spec": _pod(shop, context),
        },
    }
    return [
        manifest(
            shop,
            "batch/v1",
            "Job",
            "migration",
            name=job_name(shop),
            annotations={APPLY_POLICY: "Once"},
            spec=spec,
        )
    ]


def _pod(shop: ShopService, context: Context) -> dict[str, Any]:
    migrations, found = shop.spec.migrations, pod(shop, context)
    assert migrations is not None
    found["restartPolicy"] = "Never"
    found["containers"] = [container(shop, context, command=migrations.command, args=migrations.args)]
    waiting = []
    # An external database is there already; a Job that finds it away tries again.
    if own := database.dedicated(shop):
        found["volumes"] = [*found["volumes"], database.config_volume(shop)]
        waiting = [database.waiting(shop, own, context)]
    found["initContainers"] = init_containers(shop, context, *waiting)
    return found
