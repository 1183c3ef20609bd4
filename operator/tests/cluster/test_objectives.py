"""spec.slo on a cluster: the rules follow the spec, and the Prometheus Operator when it comes and goes."""

import json

import pytest
from shop_operator.cluster import kinds

from .test_autoscaling import crd

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]
SLO = {"availability": "99.9", "latency": {"threshold": "250ms", "target": "99"}}
PROMETHEUS_OPERATOR = [
    crd("podmonitors", "PodMonitor", "monitoring.coreos.com", "v1"),
    crd("prometheusrules", "PrometheusRule", "monitoring.coreos.com", "v1"),
]


async def test_the_prometheus_operator_comes_and_goes(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", ports=PORTS, slo=SLO)
    found = await cluster.until_condition("cart", "ObjectivesWatched", "False", "KindNotAvailable")
    assert found["message"].startswith("spec.slo needs PodMonitor and PrometheusRule")
    # A dashboard needs nobody's CRD.
    shown = await cluster.until_there("ConfigMap", "cart-dashboard")
    (file,) = shown["data"]
    assert json.loads(shown["data"][file])["title"] == f"{cluster.namespace} / cart"

    for definition in PROMETHEUS_OPERATOR:
        await cluster.api.apply(definition, kinds.CRD, manager="kubectl")
    await cluster.until_condition("cart", "ObjectivesWatched", "True", "Applied")
    rule = await cluster.until_there("PrometheusRule", "cart")
    assert [group["name"] for group in rule["spec"]["groups"]] == ["slo", "slo-long"]

    # A silenced alert is put back; a group of somebody else's is not the operator's to remove.
    groups = [{**rule["spec"]["groups"][0], "rules": []}, {"name": "theirs", "rules": []}]
    await cluster.edit("PrometheusRule", "cart", {"spec": {"groups": groups}})

    async def put_back() -> bool:
        live = await cluster.get("PrometheusRule", "cart")
        return all(group in live["spec"]["groups"] for group in rule["spec"]["groups"])

    await cluster.until(put_back)

    definition = await cluster.api.get(kinds.CRD, "", "prometheusrules.monitoring.coreos.com")
    uid = definition["metadata"]["uid"]
    await cluster.api.delete(kinds.CRD, "", "prometheusrules.monitoring.coreos.com", uid=uid)
    found = await cluster.until_condition("cart", "ObjectivesWatched", "False", "KindNotAvailable")
    assert found["message"].startswith("spec.slo needs PrometheusRule of the Prometheus Operator")


async def test_objectives_that_go_take_rules_and_dashboard_with_them(cluster, operator) -> None:
    for definition in PROMETHEUS_OPERATOR:
        await cluster.api.apply(definition, kinds.CRD, manager="kubectl")
    await operator.start()
    await cluster.apply("cart", ports=PORTS, slo=SLO)
    await cluster.until_there("PrometheusRule", "cart")
    await cluster.until_there("ConfigMap", "cart-dashboard")
    await cluster.until_reconciled("cart")
    cluster.mark()
    operator.kill()
    await operator.start()
    await cluster.until(operator.idle)
    assert [call for call in cluster.calls() if not call.startswith("list")] == []

    await cluster.apply("cart", ports=PORTS)
    await cluster.until_gone("PrometheusRule", "cart")
    await cluster.until_gone("ConfigMap", "cart-dashboard")
    await cluster.until_there("PodMonitor", "cart")
    await cluster.until_reconciled("cart")
    assert await cluster.condition("cart", "ObjectivesWatched") == {}
