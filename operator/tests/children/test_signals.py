"""What autoscalers ask, answered by Prometheus: who is stalled keeps its pods, nobody has more."""

from pathlib import Path
from typing import Any

import pytest
from kindlocal.promtool import Story
from shop_operator.api import Metric, ShopService, parse
from shop_operator.children import signals

pytestmark = pytest.mark.apiserver

BEFORE, NOW, END = 2, 4, 5
"""Minutes: until then all is well, here it is looked at, and so long it lasts."""
TARGET = 20.0
KINDS = pytest.mark.parametrize("kind", list(signals.SERIES))
POD = 'namespace="{0}",job="{1}",pod="{1}-{2}"'


def shop(name: str = "catalog") -> ShopService:
    return parse({
        "apiVersion": "shopservice.dev/v1", "kind": "ShopService",
        "metadata": {"name": name, "namespace": "shop"}, "spec": {"image": "x"},
    })  # fmt: skip


class Pods(Story):
    """Those of services, as they are scraped; what they carry is the same of either kind."""

    def __init__(self, step: int = 5) -> None:
        super().__init__([], step=step)
        self._pods = 0

    def are(
        self, ready: float | None, rate: tuple[float, float] = (0, 0), *, count: int = 1,
        before: float | None = 1, name: str = "catalog", namespace: str = "shop",
    ) -> None:  # fmt: skip
        """So many: how they are and what each carries, a second, before and since."""
        for _ in range(count):
            self._pods += 1
            pod = POD.format(namespace, name, self._pods)
            self.gauge(f"up{{{pod}}}", (END, 1))
            self.gauge(f"{signals.READY}{{{pod}}}", (BEFORE, before), (END - BEFORE, ready))
            for series in signals.SERIES.values():
                self.counter(f"{series}{{{pod}}}", (BEFORE, rate[0]), (END - BEFORE, rate[1]))

    def held_back(
        self, rate: float, *, callee: str = "catalog", reason: str = "circuit_open", namespace: str = "shop"
    ) -> None:
        """So many calls in a second that cart would like to make."""
        pod = POD.format(namespace, "cart", self._pods)
        labels = f'{pod},server_address="{callee}",reason="{reason}"'
        self.counter(f"{signals.NOT_SENT}{{{labels}}}", (BEFORE, 0), (END - BEFORE, rate))

    def asked(
        self, kind: str, folder: Path, answer: float | None, target: str = "20", at: float = NOW
    ) -> None:
        """Fails when the autoscaler of catalog would see anything else; None is no answer at all."""
        metric = Metric.model_validate({"type": kind, "target": target})
        samples: list[dict[str, Any]] = [] if answer is None else [{"labels": "{}", "value": answer}]
        self.equals(at, signals.query(shop(), metric), samples)
        self.told(folder)


@pytest.fixture
def pods() -> Pods:
    return Pods()


@KINDS
def test_pods_that_answer_count_as_what_they_carry(kind: str, pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=1, rate=(5, 5), count=3)
    pods.asked(kind, tmp_path, 15)


@KINDS
def test_pods_that_nobody_asks_any_more_count_as_at_their_target(
    kind: str, pods: Pods, tmp_path: Path
) -> None:
    """All were ready and are not, as without their database: what they carry alone would be 0."""
    pods.are(ready=0, rate=(15, 0), count=3)
    alone = f'sum(rate({signals.SERIES[kind]}{{job="catalog"}}[{signals.RATE_WINDOW}]))'
    pods.equals(NOW, alone, [{"labels": "{}", "value": 0}])
    pods.asked(kind, tmp_path, 3 * TARGET)


@KINDS
@pytest.mark.parametrize(
    ("seconds", "carried"),
    [(-2, 10), (2, 49), (4, 49), (8, 49), (10, (4 * 10 + 10 * 70) / 14), (60, 70)],
)
def test_a_surge_is_seen_before_it_is_all_that_is_looked_back_at(
    kind: str, seconds: int, carried: float, tmp_path: Path
) -> None:
    """From 10 to 70, as scraped every two seconds: 0.7 of what the last two scrapes say, until those of the
    last fifteen seconds say more."""
    pods = Pods(step=2)
    pods.are(ready=1, rate=(10, 70))
    pods.asked(kind, tmp_path, carried, at=BEFORE + seconds / 60)


@KINDS
def test_chance_is_no_surge(kind: str, tmp_path: Path) -> None:
    """Two fifths more in the last two seconds, of the fourteen that there are samples of."""
    pods = Pods(step=2)
    pods.are(ready=1, rate=(10, 14))
    pods.asked(kind, tmp_path, (12 * 10 + 2 * 14) / 14, at=BEFORE + 2 / 60)


def test_a_target_need_not_be_a_whole_number(pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=0, count=3)
    pods.asked("Concurrency", tmp_path, 1.5, target="500m")


@KINDS
def test_a_stall_adds_nothing_to_what_pods_carry(kind: str, pods: Pods, tmp_path: Path) -> None:
    """As at its beginning, when requests of before still count: the sum would double the pods."""
    pods.are(ready=0, rate=(18, 18), count=3)
    pods.asked(kind, tmp_path, 3 * TARGET)


@KINDS
def test_more_than_they_are_to_carry_still_asks_for_more(kind: str, pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=0, rate=(30, 30), count=3)
    pods.asked(kind, tmp_path, 90)


@KINDS
def test_one_that_still_answers_does_not_end_the_others(kind: str, pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=0, rate=(15, 0), count=5)
    pods.are(ready=1, rate=(15, 12))
    pods.asked(kind, tmp_path, 6 * TARGET)


@KINDS
@pytest.mark.parametrize("out", [1, 2])
def test_a_few_that_are_broken_hold_nothing(kind: str, out: int, pods: Pods, tmp_path: Path) -> None:
    """The others carry all of it; with fewer pods the broken ones are the first to go."""
    pods.are(ready=0, rate=(15, 0), count=out)
    pods.are(ready=1, rate=(5, 10), count=2)
    pods.asked(kind, tmp_path, 20)


@KINDS
def test_pods_that_start_or_end_ask_for_nothing(kind: str, pods: Pods, tmp_path: Path) -> None:
    """Neither has the series: a rollout's new pods would add to the number, and that to the rollout's."""
    pods.are(ready=0, rate=(15, 0), count=3)
    pods.are(ready=None, before=None, count=4)
    pods.are(ready=None, rate=(15, 0), count=2)
    pods.asked(kind, tmp_path, 3 * TARGET)


@KINDS
def test_pods_that_say_nothing_count_as_what_they_carry(kind: str, pods: Pods, tmp_path: Path) -> None:
    """An image that is not on the chassis."""
    pods.are(ready=None, before=None, rate=(5, 5), count=3)
    pods.asked(kind, tmp_path, 15)


def test_without_a_pod_there_is_no_answer(pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=0, name="cart")
    pods.held_back(5)
    pods.asked("RequestsPerSecond", tmp_path, None)


@KINDS
@pytest.mark.parametrize("reason", ["circuit_open", "bulkhead_full"])
def test_pods_whose_callers_gave_up_count_as_at_their_target(
    kind: str, reason: str, pods: Pods, tmp_path: Path
) -> None:
    """Requests hang in pods that are ready; callers try one now and then."""
    pods.are(ready=1, rate=(15, 1), count=3)
    pods.held_back(40, reason=reason)
    pods.asked(kind, tmp_path, 3 * TARGET)


@pytest.mark.parametrize(
    "other",
    [
        {"rate": 2},  # one caller that has a fault of its own
        {"rate": 40, "callee": "search"},
        {"rate": 40, "namespace": "elsewhere"},
        {"rate": 40, "reason": "no_identity"},
    ],
)
def test_what_is_held_back_otherwise_does_not_matter(
    other: dict[str, Any], pods: Pods, tmp_path: Path
) -> None:
    pods.are(ready=1, rate=(15, 1), count=3)
    pods.held_back(**other)
    pods.asked("RequestsPerSecond", tmp_path, 3)


def test_other_services_do_not_matter(pods: Pods, tmp_path: Path) -> None:
    pods.are(ready=1, rate=(15, 1), count=3)
    pods.are(ready=0, rate=(15, 0), count=9, name="search")
    pods.are(ready=0, rate=(15, 0), count=9, namespace="elsewhere")
    pods.asked("RequestsPerSecond", tmp_path, 3)
