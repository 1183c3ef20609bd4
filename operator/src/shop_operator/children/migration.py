"""The Job that brings the database to the image's schema before the Deployment moves."""

import hashlib
import json

from shop_operator.api import ShopService


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
