"""The children at a real API server: all are accepted as they are, and stay as they were sent."""

import json
from dataclasses import replace
from typing import Any

import pytest
from shop_operator.children import Manifest
from shop_operator.engine.diff import differences

from ..kubectl import Kube, Kubectl
from . import golden

pytestmark = pytest.mark.apiserver


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_children_are_accepted_and_equal_what_comes_back(cluster: Kube, name: str) -> None:
    kubectl = cluster.kubectl()
    children = owned(kubectl, name).children()
    text = "\n---\n".join(json.dumps(child) for child in children)

    kubectl.apply(text)
    applied = read(kubectl, text)
    kubectl.apply(text)

    for child, live in zip(children, applied, strict=True):
        assert differences(child, live) == [], child["kind"]
    # The same again changes nothing; the server stores a claim anew once, though, without any difference.
    assert [unversioned(live) for live in read(kubectl, text)] == [unversioned(live) for live in applied]


def owned(kubectl: Kubectl, name: str) -> golden.Case:
    """The case as the cluster has it: in this namespace, with a real uid."""
    case = golden.case(name)
    metadata = {"name": case.obj["metadata"]["name"], "namespace": kubectl.namespace}
    created = kubectl("create", "-o", "json", "-f", "-", given={**case.obj, "metadata": metadata})
    return replace(case, obj=json.loads(created))


def read(kubectl: Kubectl, text: str) -> list[Manifest]:
    items: list[Manifest] = json.loads(kubectl("get", "-o", "json", "-f", "-", given=text))["items"]
    return items


def unversioned(live: Manifest) -> Manifest:
    return {**live, "metadata": {**live["metadata"], "resourceVersion": ""}}


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_pods_are_admitted_where_restricted_is_enforced(cluster: Kube, name: str) -> None:
    kubectl = cluster.kubectl("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    pods = [pod(spec) for _, spec in golden.pods(golden.case(name).children())]
    printed = kubectl("create", "--dry-run=server", "-f", "-", given="\n---\n".join(map(json.dumps, pods)))
    assert printed.count("created (server dry run)") == len(pods)


def test_the_namespace_does_refuse_a_pod_that_may_become_root(cluster: Kube) -> None:
    kubectl = cluster.kubectl("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    _, spec = golden.pods(golden.case("minimal").children())[0]
    given = pod({**spec, "securityContext": {**spec["securityContext"], "runAsNonRoot": False}})
    assert "violates PodSecurity" in kubectl.refusal("create", "--dry-run=server", "-f", "-", given=given)


def pod(spec: dict[str, Any]) -> Manifest:
    """As its controller would create it."""
    spec = {key: value for key, value in spec.items() if key != "serviceAccountName"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "pod-"}, "spec": spec}
