"""A price that falls is told once to each watcher, whatever is killed; an idle worker sleeps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from shop_journeys.shop import together

pytestmark = [pytest.mark.takes("broker"), pytest.mark.needs("catalog", "keda")]

WATCHERS, LAMPS = 3, 6


@pytest.fixture(scope="module")
def watchers(people):
    """People with an account, who are told by mail and in the shop."""
    return together(*[people.register] * WATCHERS)


@pytest.fixture(scope="module")
def lamps(people, watchers):
    """Products that all of them watch."""
    made = together(*[people.product] * LAMPS)
    for lamp in made:
        for watcher in watchers:
            watcher.watch(lamp)
    return made


def mails(people, watchers) -> list[tuple[str, str]]:
    """Address and subject of every mail about a price."""
    return [
        (watcher.email, mail["subject"])
        for watcher in watchers
        for mail in people.api("mailbox").get("/mails", to=watcher.email)["items"]
        if "now costs" in mail["subject"]
    ]


def sql(words: Iterable[str]) -> str:
    """A list of strings, as SQL writes it."""
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def test_each_watcher_gets_one_mail_and_one_entry_though_broker_and_pods_are_killed(
    kube, people, wait, watchers, lamps
):
    def arrived(count: int) -> None:
        wait(f"{count} mails", lambda: len(mails(people, watchers)) >= count, 180, every=0.2)

    def kill_notification() -> None:
        for service in ("notification-worker", "notification"):
            for pod in kube.pods(service):
                kube.kill(pod["metadata"]["name"])

    for lamp in lamps[:3]:
        people.reprice(lamp, lamp.price - 1000)
    kube.kill("nats-0", "--namespace=nats")
    arrived(3)
    kill_notification()
    for lamp in lamps[3:]:
        people.reprice(lamp, lamp.price - 1000)
    arrived(12)
    kube.kill("nats-0", "--namespace=nats")
    kill_notification()

    def deliveries(*states: str) -> int:
        which = f"kind = 'price_drop' and address in {sql([watcher.email for watcher in watchers])}"
        query = f"select count(*) from delivery where {which} and state in {sql(states)}"
        return int(kube.sql("notification", query))

    wanted = WATCHERS * LAMPS
    # A worker that is killed between a mail's last byte and its answer knows less than the mailbox.
    wait("every drop to be told", lambda: deliveries("sent", "unknown") >= wanted, 180, every=2)
    wait("the worker to have nothing left", lambda: not kube.pods("notification-worker"), 180, every=2)
    wait("the inbox to answer", lambda: kube.ready("notification"), 60)

    found = mails(people, watchers)
    assert len(set(found)) == len(found), "a mail came twice"
    assert wanted - deliveries("unknown") <= len(found) <= wanted
    for watcher in watchers:
        entries = watcher.at("notification").get("/inbox", limit=100)["items"]
        links = [entry["link"] for entry in entries if entry["kind"] == "price_drop"]
        assert len(links) == len(set(links)) == LAMPS
    for service in ("catalog", "wishlist"):
        assert kube.sql(service, "select count(*) from outbox where published_at is null") == "0"


def test_the_worker_goes_to_zero_and_comes_back_by_lag_alone(kube, people, wait, watchers, lamps):
    triggers = [
        trigger["type"] for trigger in kube.get("scaledobject", "notification-worker")["spec"]["triggers"]
    ]
    assert set(triggers) == {"nats-jetstream"}
    # A pod on its way out still takes what comes.
    wait("the worker to be at zero", lambda: not kube.pods("notification-worker", leaving=True), 240, every=2)
    assert kube.condition("notification-worker", "Ready")["status"] == "True", "asleep is not broken"

    before = len(mails(people, watchers))
    people.reprice(lamps[0], lamps[0].price - 2000)
    wait("a pod to wake", lambda: kube.pods("notification-worker"), 60)
    wait("the mails", lambda: len(mails(people, watchers)) == before + WATCHERS, 60)
