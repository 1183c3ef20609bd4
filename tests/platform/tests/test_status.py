import json
from pathlib import Path

import pytest
from rich.console import Console
from shop_platform.observe import Seen, by_job
from shop_platform.status import (
    addon_words,
    autoscaler_target,
    node_words,
    quantity,
    screen,
    service_rows,
    stream_rows,
    trouble,
)

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


@pytest.fixture
def seen():
    """Answers of a cluster with the shop on it while catalog was under load."""
    return Seen(**RECORDED)


def drawn(seen):
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(screen(seen))
    return console.export_text()


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", 0.25), ("2", 2), ("1536Mi", 1.5 * 2**30), ("12345n", 1.2345e-5), ("1k", 1000)],
)
def test_quantities(text, number):
    assert quantity(text) == pytest.approx(number)


def test_an_autoscaler_without_a_value_yet_says_so():
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}}
    assert autoscaler_target({"spec": {"metrics": [metric]}, "status": {}}) == "unknown of 70%"


def test_each_metric_of_an_autoscaler_is_matched_by_its_name():
    def external(name, **values):
        return {"type": "External", "external": {"metric": {"name": name}, **values}}

    autoscaler = {
        "spec": {
            "metrics": [
                external("s0-a", target={"averageValue": "4"}),
                external("s1-b", target={"averageValue": "40"}),
            ]
        },
        "status": {"currentMetrics": [external("s1-b", current={"averageValue": "12"})]},
    }
    assert autoscaler_target(autoscaler) == "unknown of 4, 12 of 40"


def test_an_empty_vector_and_nan_are_no_values():
    answer = {"data": {"result": [{"metric": {"job": "cart"}, "value": [0, "NaN"]}]}}
    assert by_job(answer) == {}


def consumer(name, pending, unacknowledged=0, durable=True):
    config = {"durable_name": name} if durable else {}
    return {"name": name, "config": config, "num_pending": pending, "num_ack_pending": unacknowledged}


def test_lag_is_what_waits_and_what_is_unacknowledged():
    stream = {
        "name": "catalog",
        "state": {"messages": 1234},
        "consumer_detail": [consumer("notification", 7, 2)],
    }
    assert stream_rows([stream, {"name": "dlq"}]) == [
        ("catalog", "1,234", "notification", "9"),
        ("dlq", "0", "-", "-"),
    ]


def test_readings_of_replicas_are_one_row():
    readings = [consumer(f"follower-{n}", n, durable=False) for n in range(3)]
    stream = {"name": "user", "state": {"messages": 5}, "consumer_detail": [*readings, consumer("cart", 1)]}
    assert stream_rows([stream]) == [("user", "5", "cart", "1"), ("user", "5", "3 of replicas", "2")]


def test_the_recorded_cluster_is_told_in_rows(seen):
    rows = {row.name: row for row in service_rows(seen)}
    assert set(rows) == {"cart", "catalog", "notification"}
    assert {row.ready for row in rows.values()} == {"yes"}
    assert rows["catalog"].database == "Ready"
    assert rows["cart"].database == "-"
    assert " of 20" in rows["catalog"].target
    assert rows["catalog"].rate.endswith("/s")
    assert trouble(seen) == []
    assert all(well for _, well in addon_words(seen.workloads))
    assert "in use" in node_words(seen)[0]


def test_a_worker_without_a_pod_is_asleep_and_not_unknown(seen):
    worker = next(one for one in seen.deployments if one["metadata"]["name"] == "notification")
    worker["spec"]["replicas"] = 0
    worker["status"] = {}
    for autoscaler in seen.autoscalers:
        autoscaler["status"].pop("currentMetrics", None)
    row = next(row for row in service_rows(seen) if row.name == "notification")
    assert row.target == "asleep"
    assert row.replicas.startswith("0/0")


def test_the_screen_fits_and_has_every_part(seen):
    text = drawn(seen)
    assert len(text.splitlines()) <= 40
    for word in ("catalog", "notification", "LAG", "keda/keda-operator 1/1", "cores"):
        assert word in text
    assert "not well" not in text


def test_what_is_broken_is_told_beside_the_rest(seen):
    seen.services[0]["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "reason": "PodsNotReady", "message": "image cannot be pulled"}
    ]
    seen.rate = {}
    seen.problems = ["request rates (Prometheus): connection refused"]
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "ready": False, "name": "service"}
    seen.pods[0]["status"]["containerStatuses"] = [waiting]
    text = drawn(seen)
    assert "PodsNotReady: image cannot be pulled" in text
    assert "ImagePullBackOff" in text
    assert "connection refused" in text
    assert "LAG" in text


def test_an_empty_cluster_says_what_to_do():
    assert "make up" in drawn(Seen())
