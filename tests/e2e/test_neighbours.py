"""What a service does when a neighbour is down, and that only declared neighbours are let in."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs("cart", "catalog", "operator")


@pytest.mark.takes("catalog")
def test_cart_answers_from_what_it_knows_while_catalog_is_down(kube, shop, wait):
    # Demo products: what a journey made has been in a cart.
    page = shop.catalog.get("/products", params={"limit": 100}).json()["items"]
    known, unknown = [product for product in page if product["category"] != "journeys"][:2]
    cart = shop.cart.post("/carts").raise_for_status().json()["id"]
    lines = f"/carts/{cart}/lines"
    shop.cart.post(lines, json={"product_id": known["id"], "quantity": 2}).raise_for_status()

    # catalog has no ready pod for as long as its image cannot be pulled and its pods are gone.
    service = kube.get("shopservice", "catalog")
    kube.run("delete", "shopservice", "catalog", "--wait")
    try:
        wait("catalog to be gone", lambda: not kube.pods("catalog"), 60)
        answer = shop.cart.get(f"/carts/{cart}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["stale"] is True
        assert answer.json()["lines"][0]["quantity"] == 2
        assert answer.json()["total"]["amount"] == 2 * known["price"]["amount"]
        refused = shop.cart.post(lines, json={"product_id": unknown["id"]})
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert "catalog" in refused.json()["detail"]
        assert shop.cart.get("/readyz").status_code == 200
        assert "catalog" in kube.condition("cart", "Degraded").get("message", "")
    finally:
        kube.restore(service)
        wait(
            "catalog to be Ready again",
            lambda: kube.condition("catalog", "Ready").get("status") == "True",
            180,
        )
    fresh = wait(
        "a fresh answer", lambda: (c := shop.cart.get(f"/carts/{cart}").json())["stale"] is False and c, 30
    )
    assert fresh["lines"][0]["product_id"] == known["id"]


def test_a_pod_that_is_no_declared_neighbour_reaches_neither_service_nor_database(kube, shop):
    """notification declares no dependency: catalog and its database refuse it; its own database does not."""
    probe = (
        "import socket, sys\n"
        "for host, port in (a.split(':') for a in sys.argv[1:]):\n"
        "    try: socket.create_connection((host, int(port)), timeout=2); print('open')\n"
        "    except OSError: print('closed')"
    )
    image = kube.get("deployment", "cart")["spec"]["template"]["spec"]["containers"][0]["image"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "command": ["python3", "-c", probe, "catalog-db:5432", "cart-cache:6379", "catalog:80"],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    kube.apply(pod)
    try:
        kube.run("wait", "pod/stranger", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        database, cache, _ = kube.run("logs", "stranger").stdout.split()
        assert (database, cache) == ("closed", "closed")
    finally:
        kube.run("delete", "pod", "stranger", "--grace-period=0", "--force")
