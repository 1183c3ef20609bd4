"""Data outlives pods and ShopServices; pictures are not in a database."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

pytestmark = [pytest.mark.takes("catalog"), pytest.mark.needs("operator")]


def test_pictures_are_in_media_storage_and_none_is_in_the_database(kube, shop):
    drawn = BytesIO()
    Image.new("RGB", (600, 400), (180, 90, 40)).save(drawn, "PNG")
    headers = {**shop.admin, "content-type": "image/png"}
    kept = shop.catalog.post("/admin/media", content=drawn.getvalue(), headers=headers)
    assert kept.status_code == 201, kept.text
    shown = shop.catalog.get(kept.json()["url"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert kube.sql("catalog", "select count(*) from medium") == "0"


def test_a_killed_database_pod_comes_back_with_its_data(kube, shop, wait):
    before = kube.sql("catalog", "select count(*), max(id::text) from product")
    pod = kube.get("pod", "catalog-db-0")
    kube.run("delete", "pod", "catalog-db-0", "--grace-period=0", "--force")
    wait(
        "a new database pod to be Ready",
        lambda: (
            (p := kube.get("pod", "catalog-db-0"))
            and p["metadata"]["uid"] != pod["metadata"]["uid"]
            and ready(p)
        ),
        90,
    )
    assert kube.sql("catalog", "select count(*), max(id::text) from product") == before
    wait("catalog to answer from it", lambda: shop.catalog.get("/products").status_code == 200, 60)


def test_a_deleted_shopservice_leaves_data_and_credentials_and_takes_them_up_again(kube, shop, wait):
    service = kube.get("shopservice", "catalog")
    rows = kube.sql("catalog", "select count(*) from product")
    claim = kube.get("persistentvolumeclaim", "data-catalog-db-0")
    secret = kube.get("secret", "catalog-db")

    kube.run("delete", "shopservice", "catalog", "--wait")
    wait("its pods to go", lambda: not kube.pods("catalog") and not kube.pods("catalog", "database"), 90)
    wait("its Deployment to go", lambda: kube.get("deployment", "catalog") is None, 60)
    kept = kube.get("persistentvolumeclaim", "data-catalog-db-0")
    assert kept["metadata"]["uid"] == claim["metadata"]["uid"]
    assert kube.get("secret", "catalog-db")["data"] == secret["data"]

    kube.restore(service)
    wait("catalog to be Ready again", lambda: kube.condition("catalog", "Ready").get("status") == "True", 180)
    assert (
        kube.get("persistentvolumeclaim", "data-catalog-db-0")["metadata"]["uid"] == claim["metadata"]["uid"]
    )
    assert kube.get("secret", "catalog-db")["data"] == secret["data"]
    assert kube.sql("catalog", "select count(*) from product") == rows
    wait("catalog to answer", lambda: shop.catalog.get("/products").status_code == 200, 60)


def ready(pod: dict) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
