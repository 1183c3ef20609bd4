"""The CRD at work: what kubectl is told when something is wrong, and what it can do."""

import json
from typing import Any

import pytest
from shop_operator.api import API_VERSION, KIND, InvalidSpec, parse
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError

from ..children import golden
from ..kubectl import Kubectl

pytestmark = pytest.mark.apiserver

SCALED = {"max": 3, "metrics": [{"type": "Cpu", "target": 70}]}


def shop(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {"image": "x", **spec},
    }


@pytest.mark.parametrize(
    ("obj", "messages"),
    [
        (shop("a", replicas="2"), ["spec.replicas", "must be of type integer"]),
        (shop("a", replica=2), ['unknown field "spec.replica"']),
        (shop("a", autoscaling={**SCALED, "min": 5}), ["spec.autoscaling.min", "min must not be above max"]),
        (shop("a" * 41), ["metadata.name must be at most 40 characters"]),
        (shop("1.a"), ["metadata.name must be lower-case letters"]),
        (
            shop("a", ports=[{"name": "http", "port": -1}]),
            ["spec.ports[0].port", "greater than or equal to 1"],
        ),
        (
            shop("a", ports=[{"name": "p", "port": 1}, {"name": "p", "port": 2, "servicePort": 2}]),
            ["spec.ports[1]: Duplicate value"],
        ),
        (shop("a", replicas=2, autoscaling=SCALED), ["spec.replicas", "exclude each other"]),
        (
            shop("a", database={"version": "9"}),
            ["spec.database.version", 'supported values: "15", "16", "17"'],
        ),
        (
            shop("a", slo={"latency": {"threshold": "300ms", "target": "99"}}),
            ["spec.slo.latency.threshold", 'supported values: "5ms", "10ms"'],
        ),
        (shop("a", slo={"availability": "99.9"}), ["spec.slo", "slo needs ports"]),
        (shop("a", database={"storage": "big"}), ["spec.database.storage", "should match"]),
    ],
    ids=lambda value: value[0].split()[0] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_refused_with_the_fields_name(
    kubectl: Kubectl, obj: dict[str, Any], messages: list[str]
) -> None:
    refusal = kubectl.refusal("apply", "-f", "-", given=obj)
    for message in messages:
        assert message in refusal


@pytest.mark.parametrize("name", golden.REFUSED)
async def test_server_and_parse_refuse_the_same_fields(api: Api, name: str) -> None:
    obj = golden.case(name).obj
    with pytest.raises(InvalidSpec) as caught:
        parse(obj)
    there = {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
    with pytest.raises(ApiError) as answered:
        await api.create(there, kinds.SHOP_SERVICE, manager="kubectl")
    refusal = answered.value.message
    unknown = [field for field, message in caught.value.errors if message == "unknown field"]
    for field, message in caught.value.errors:
        if field not in unknown:  # which kubectl itself finds, see above
            assert field in refusal, refusal
            assert message in refusal or "found" in message or message == "required" or "at least" in message


@pytest.mark.parametrize("name", golden.ACCEPTED)
async def test_what_parse_accepts_the_server_accepts(api: Api, name: str) -> None:
    obj = golden.case(name).obj
    there = {**obj, "metadata": {"name": obj["metadata"]["name"], "namespace": "default"}}
    path = kinds.SHOP_SERVICE.path("default")
    params = {"dryRun": "All", "fieldValidation": "Strict"}
    await api._call("create", kinds.SHOP_SERVICE, "POST", path, params=params, body=there)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({"storage": "2Gi"}, {"storage": "1Gi"}, "storage can only grow"),
        ({"version": "15"}, {"version": "16"}, "version cannot change"),
        ({}, {"storageClassName": "fast"}, "storageClassName cannot change"),
        ({"storageClassName": "fast"}, {"storageClassName": "slow"}, "storageClassName cannot change"),
        ({"credentials": {"revision": 2}}, {"credentials": {"revision": 1}}, "revision can only be raised"),
        ({}, {"mode": "external", "external": {"secretName": "rds"}}, "mode cannot change"),
        ({}, {"adoptVolume": "pvc-1"}, "adoptVolume can be given only at first"),
        ({"adoptVolume": "pvc-1"}, {"adoptVolume": "pvc-2"}, "adoptVolume can be given only at first"),
    ],
)
def test_changes_that_would_lose_data_are_refused(
    kubectl: Kubectl, before: dict[str, Any], after: dict[str, Any], message: str
) -> None:
    kubectl("replace", "--force", "-f", "-", given=shop("data", database=before))
    refusal = kubectl.refusal("apply", "-f", "-", given=shop("data", database=after))
    assert f"spec.database.{next(iter(after))}" in refusal
    assert message in refusal


def test_autoscaling_cannot_be_removed_without_saying_how_many_pods_are_to_stay(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=shop("was-scaled", autoscaling=SCALED))
    refusal = kubectl.refusal("apply", "-f", "-", given=shop("was-scaled"))
    assert "spec.replicas" in refusal
    assert "replicas must be given when autoscaling is removed" in refusal
    kubectl("apply", "-f", "-", given=shop("was-scaled", replicas=3))


def test_scale_cannot_make_a_budget_one_that_blocks(kubectl: Kubectl) -> None:
    budget = {"minAvailable": 2}
    kubectl("apply", "-f", "-", given=shop("budgeted", replicas=3, disruptionBudget=budget))
    refusal = kubectl.refusal("scale", "shopservice/budgeted", "--replicas=2")
    assert "disruptionBudget.minAvailable must leave at least one" in refusal
    kubectl("scale", "shopservice/budgeted", "--replicas=0")


def test_a_volume_can_grow_and_a_database_can_come_later(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=shop("grows"))
    kubectl("apply", "-f", "-", given=shop("grows", database={"storage": "1023Mi"}))
    kubectl("apply", "-f", "-", given=shop("grows", database={"storage": "1Gi"}))


def test_scale_sets_replicas_and_is_refused_with_a_reason_where_metrics_decide(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=shop("fixed"))
    kubectl("scale", "shopservice/fixed", "--replicas=3")
    assert kubectl.get("shop", "fixed")["spec"]["replicas"] == 3

    kubectl("apply", "-f", "-", given=shop("scaled", autoscaling=SCALED))
    refusal = kubectl.refusal("scale", "shopservice/scaled", "--replicas=3")
    assert "replicas and autoscaling exclude each other" in refusal


def test_get_prints_the_truth_at_a_glance(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=shop("seen"))
    status = {
        "conditions": [{"type": "Ready", "status": "True", "reason": "AllReady", "message": ""}],
        "summary": "Healthy",
        "replicas": 2,
        "target": "Concurrency 4",
        "database": "Ready",
    }
    kubectl(
        "patch", "shop", "seen", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    header, row = kubectl("get", "shop", "seen").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "REPLICAS", "TARGET", "DATABASE", "AGE"]
    assert row.split()[:7] == ["seen", "True", "Healthy", "2", "Concurrency", "4", "Ready"]


def test_explain_is_the_manual(kubectl: Kubectl) -> None:
    assert "It can grow where the storage class can" in " ".join(
        kubectl("explain", "shopservice.spec.database.storage").split()
    )
    fields = kubectl("explain", "shopservice.spec", "--recursive")
    assert all(name in fields for name in ("dependsOn", "failureThreshold", "deletionPolicy"))
