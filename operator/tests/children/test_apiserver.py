"""The children at a real API server: all are accepted as they are, and stay as they were sent."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from shop_operator.children import Manifest
from shop_operator.children.keys import list_keys
from shop_operator.children.kinds import CHILD_KINDS, ChildKind
from shop_operator.cluster import kinds
from shop_operator.cluster.client import APPLY, Api
from shop_operator.cluster.projection import project
from shop_operator.engine.cache import Key, ref_of
from shop_operator.engine.diff import differences
from shop_operator.engine.plan import plan, with_hash
from shop_operator.engine.rollout import Gate

from ..kubectl import Kube, Kubectl
from ..support.cluster import NAMESPACE
from . import golden

pytestmark = pytest.mark.apiserver


STRICT = {"fieldManager": "shop-operator", "fieldValidation": "Strict"}
"""As kubectl asks: what the server does not know is refused."""


@pytest.mark.parametrize("name", golden.ACCEPTED)
async def test_children_are_accepted_and_equal_what_comes_back(api: Api, name: str) -> None:
    case = await owned(api, name)
    children = case.children()
    hashed = [with_hash(child) for child in children]

    await apply(api, hashed)
    applied = await read(api, children)
    await apply(api, hashed)

    found = {ref_of(live): project(live, live["kind"]) for live in applied}
    for child in children:
        assert differences(child, found[ref_of(child)]) == [], child["kind"]
    key, uid = Key(case.shop.metadata.namespace, case.shop.name), case.shop.metadata.uid
    assert plan(key, uid, children, found.get, applied, Gate("Open")) == []
    # The same again changes nothing; the server stores a claim anew once, though, without any difference.
    assert [unversioned(live) for live in await read(api, children)] == [
        unversioned(live) for live in applied
    ]


async def owned(api: Api, name: str) -> golden.Case:
    """The case as the cluster has it: in a namespace of its own, with a real uid."""
    case, namespace = golden.case(name), f"children-of-{name}"
    await api.create({"kind": "Namespace", "metadata": {"name": namespace}}, NAMESPACE, manager="kubectl")
    metadata = {"name": case.obj["metadata"]["name"], "namespace": namespace}
    created = await api._call(
        "create", kinds.SHOP_SERVICE, "POST", kinds.SHOP_SERVICE.path(namespace),
        params=STRICT, body={**case.obj, "metadata": metadata},
    )  # fmt: skip
    return replace(case, obj=created)


async def apply(api: Api, children: Sequence[Manifest]) -> None:
    for child in children:
        kind, metadata = kinds.of(child["kind"]), child["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        await api._call("apply", kind, "PATCH", path, params=STRICT, body=child, content_type=APPLY)


async def read(api: Api, children: Sequence[Manifest]) -> list[Manifest]:
    found = [
        await api.get(kinds.of(child["kind"]), child["metadata"]["namespace"], child["metadata"]["name"])
        for child in children
    ]
    return [live for live in found if live]


def unversioned(live: Manifest) -> Manifest:
    return {**live, "metadata": {**live["metadata"], "resourceVersion": ""}}


CLASSES = [
    {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "business"},
        "value": 9,
    },
    {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "sandboxed"},
        "handler": "x",
    },
]
"""What golden cases name, and a pod is not admitted without."""


@pytest.fixture(scope="module")
def restricted(kube: Kube) -> Kubectl:
    """A namespace that enforces the restricted profile, on a server that knows the classes."""
    kubectl = kube.kubectl("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    kubectl.apply("\n---\n".join(map(json.dumps, CLASSES)))
    kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    return kubectl


@pytest.mark.parametrize("name", [name for name in golden.ACCEPTED if name not in golden.UNRESTRICTED])
async def test_pods_are_admitted_where_restricted_is_enforced(
    restricted: Kubectl, api: Api, name: str
) -> None:
    pods = [pod(spec) for _, spec in golden.pods(golden.case(name).children())]
    assert pods
    for each in pods:
        path = kinds.POD.path(restricted.namespace)
        await api._call(
            "create", kinds.POD, "POST", path, params={**STRICT, "dryRun": "All"}, body=each
        )  # fmt: skip


@pytest.mark.parametrize("name", golden.UNRESTRICTED)
def test_the_escape_hatch_does_not_lead_out_of_such_a_namespace(restricted: Kubectl, name: str) -> None:
    _, spec = golden.pods(golden.case(name).children())[-1]
    assert "violates PodSecurity" in restricted.refusal(
        "create", "--dry-run=server", "-f", "-", given=pod(spec)
    )


def test_the_namespace_does_refuse_a_pod_that_may_become_root(restricted: Kubectl) -> None:
    _, spec = golden.pods(golden.case("minimal").children())[0]
    given = pod({**spec, "securityContext": {**spec["securityContext"], "runAsNonRoot": False}})
    assert "violates PodSecurity" in restricted.refusal("create", "--dry-run=server", "-f", "-", given=given)


def pod(spec: dict[str, Any]) -> Manifest:
    """As its controller would create it."""
    spec = {key: value for key, value in spec.items() if key != "serviceAccountName"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "pod-"}, "spec": spec}


async def test_lists_have_the_keys_that_the_server_publishes(api: Api) -> None:
    """Of every kind that is built: what is merged by key there, is compared and merged by that key here."""
    published, ours = {}, {}
    for kind in CHILD_KINDS:
        path = f"/openapi/v3/{'apis' if kind.group else 'api'}/{kind.api_version}"
        for where, keys in lists((await api.document(path))["components"]["schemas"], kind):
            published[kind.kind, where] = keys
            ours[kind.kind, where] = set(list_keys(where.split(".")[-1], kind.kind))
    assert ours == published


def lists(schemas: dict[str, Any], kind: ChildKind) -> Iterator[tuple[str, set[str]]]:
    """The lists of a kind's metadata and spec, as paths, each with the keys of its items."""

    def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, set[str]]]:
        for reference in [schema.get("$ref"), *(one.get("$ref") for one in schema.get("allOf", ()))]:
            if reference:
                yield from walk(schemas[reference.rpartition("/")[2]], path)
        if "items" in schema:
            yield path, set(schema.get("x-kubernetes-list-map-keys", ()))
            yield from walk(schema["items"], path)
        for name, inner in schema.get("properties", {}).items():
            if name not in ("status", "managedFields"):
                yield from walk(inner, f"{path}.{name}")

    schema = next(
        schema
        for schema in schemas.values()
        if {"group": kind.group, "kind": kind.kind, "version": kind.api_version.rpartition("/")[2]}
        in schema.get("x-kubernetes-group-version-kind", ())
    )
    yield from walk(schema, "")
