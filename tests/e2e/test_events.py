"""A price change reaches the worker exactly once in effect, whatever is killed; an idle worker sleeps."""

from __future__ import annotations

import pytest


@pytest.fixture
def products(shop):
    """Twenty products of the demo catalogue."""
    return shop.catalog.get("/products", params={"limit": 20}).raise_for_status().json()["items"]


def test_price_changes_have_one_effect_each_though_broker_and_worker_are_killed(kube, shop, wait, products):
    noted = lambda: int(kube.sql("notification", "select count(*) from notice"))  # noqa: E731
    before = noted()
    for number, product in enumerate(products):
        shop.change_price(product, product["price"]["amount"] - 1 - number)
        if number == 5:
            kube.kill("nats-0", "--namespace=nats")
        if number == 12:
            for pod in kube.pods("notification-worker"):
                kube.kill(pod["metadata"]["name"])
    kube.kill("nats-0", "--namespace=nats")
    wait("every price drop to be noted", lambda: noted() >= before + len(products), 180, every=2)
    wait("the worker to have nothing left", lambda: not kube.pods("notification-worker"), 180, every=2)
    assert noted() == before + len(products)
    assert kube.sql("notification", "select count(*) - count(distinct event_id) from notice") == "0"
    assert kube.sql("catalog", "select count(*) from outbox where published_at is null") == "0"


def test_the_worker_goes_to_zero_and_comes_back_by_lag_alone(kube, shop, wait, products):
    triggers = [
        trigger["type"] for trigger in kube.get("scaledobject", "notification-worker")["spec"]["triggers"]
    ]
    assert set(triggers) == {"nats-jetstream"}
    # A pod on its way out still takes what comes.
    wait("the worker to be at zero", lambda: not kube.pods("notification-worker", leaving=True), 240, every=2)
    assert kube.condition("notification-worker", "Ready")["status"] == "True", "asleep is not broken"

    before = int(kube.sql("notification", "select count(*) from notice"))
    product = shop.catalog.get(f"/products/{products[0]['id']}").json()
    shop.change_price(product, product["price"]["amount"] - 1)
    wait("a pod to wake", lambda: kube.pods("notification-worker"), 60)
    wait(
        "the notice",
        lambda: int(kube.sql("notification", "select count(*) from notice")) == before + 1,
        60,
    )
