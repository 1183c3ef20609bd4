"""Desired ⊆ live, path notation and who owns a field."""

from typing import Any

import pytest
from shop_operator.cluster.projection import project
from shop_operator.engine.diff import applied_hash, differences, managers, readable

POD: dict[str, Any] = {
    "containers": [
        {
            "name": "main",
            "image": "a:1",
            "env": [{"name": "A", "value": "1"}],
            "ports": [{"containerPort": 8080}],
            "args": ["serve"],
        }
    ]
}


def deployment(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {},
        "spec": {**spec, "template": {"spec": pod}},
    }


def paths(desired: dict[str, Any], live: dict[str, Any]) -> list[str]:
    return [readable(path) for path in differences(desired, live)]


def test_what_others_add_is_no_difference() -> None:
    live = deployment(
        {
            "restartPolicy": "Always",
            "containers": [
                {"name": "sidecar", "image": "proxy:1"},
                {
                    "name": "main",
                    "image": "a:1",
                    "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "args": ["serve"],
                    "imagePullPolicy": "Always",
                },
            ],
        },
        replicas=3,
    )
    assert paths(deployment(POD), live) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"image": "a:2"}, "spec.template.spec.containers[name=main].image"),
        ({"args": ["serve", "more"]}, "spec.template.spec.containers[name=main].args"),
        ({"env": []}, "spec.template.spec.containers[name=main].env[name=A]"),
        (
            {"ports": [{"containerPort": 1}]},
            "spec.template.spec.containers[name=main].ports[containerPort=8080,protocol=TCP]",
        ),
    ],
)
def test_what_is_missing_or_other_is_named(change: dict[str, Any], path: str) -> None:
    live = deployment({"containers": [{**POD["containers"][0], **change}]})
    assert paths(deployment(POD), live) == [path]


@pytest.mark.parametrize("empty", [0, False, "", [], {}, None])
def test_empty_is_absent(empty: Any) -> None:
    assert paths({"kind": "X", "spec": {"field": empty}}, {"spec": {}}) == []


@pytest.mark.parametrize(("want", "have"), [(0, 3), (False, True), ([], [1]), ("", "x")])
def test_empty_is_not_something(want: Any, have: Any) -> None:
    assert paths({"kind": "X", "spec": {"field": want}}, {"spec": {"field": have}}) == ["spec.field"]


def test_atomic_lists_belong_to_one_writer() -> None:
    want = {"kind": "NetworkPolicy", "spec": {"ingress": [{"ports": [{"port": 80}]}]}}
    defaulted = {"spec": {"ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]}}
    more = {"spec": {"ingress": [{"ports": [{"port": 80}, {"port": 81}]}]}}
    assert paths(want, defaulted) == []
    assert paths(want, more) == ["spec.ingress"]


def test_ports_of_a_service_are_found_by_number() -> None:
    want = {"kind": "Service", "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}
    have = {
        "spec": {
            "ports": [{"port": 81, "protocol": "TCP"}, {"port": 80, "protocol": "TCP", "targetPort": "http"}]
        }
    }
    assert paths(want, have) == []


def test_long_texts_are_compared_by_their_digests() -> None:
    script = "echo\n" * 1000
    want = {"kind": "ConfigMap", "metadata": {}, "data": {"start.sh": script, "port": "80"}}
    have = project(want, "ConfigMap")
    assert len(str(have)) < 300
    assert paths(want, have) == []
    assert paths({**want, "data": {"start.sh": script + "#", "port": "80"}}, have) == ["data.start.sh"]


def test_the_rules_of_a_group_are_compared_by_one_digest() -> None:
    rules = [{"record": "a:b", "expr": "vector(1)" * 50, "labels": {"slo": "latency"}}]
    want = {"kind": "PrometheusRule", "metadata": {}, "spec": {"groups": [{"name": "slo", "rules": rules}]}}
    # The server keeps the fields in an order of its own; a group of somebody else's is not ours to judge.
    groups = [{"name": "theirs"}, {"rules": [dict(reversed(rules[0].items()))], "name": "slo"}]
    have = project({**want, "spec": {"groups": groups}}, "PrometheusRule")
    assert len(str(have)) < 400
    assert paths(want, have) == []
    silenced = project({**want, "spec": {"groups": [{"name": "slo", "rules": []}]}}, "PrometheusRule")
    assert paths(want, silenced) == ["spec.groups[name=slo].rules"]


def test_the_hash_depends_on_content_alone() -> None:
    assert applied_hash({"a": 1, "b": {"c": 2}}) == applied_hash({"b": {"c": 2}, "a": 1})
    assert applied_hash({"a": 1}) != applied_hash({"a": 2})


def test_the_hash_stays_the_same_from_release_to_release() -> None:
    """Else a new version of the operator would write every child of every service again."""
    assert applied_hash({"b": [1, "é"], "a": {"c": None}}) == "a57a81b3fa603895"


def test_a_kind_and_its_version_are_no_fields_to_compare() -> None:
    assert (
        paths({"apiVersion": "apps/v2", "kind": "X", "spec": 1}, {"apiVersion": "apps/v1", "spec": 1}) == []
    )


def test_what_is_missing_as_a_whole_is_named_once() -> None:
    want = deployment(POD)
    assert paths(want, {"metadata": {}}) == ["spec"]
    assert paths(want, deployment({"containers": []})) == ["spec.template.spec.containers[name=main]"]
    assert paths({"kind": "X", "spec": {"a": {"b": 1}}}, {"spec": {"a": "text"}}) == ["spec.a"]


def test_a_list_of_what_can_have_no_keys_is_compared_as_a_whole() -> None:
    want = {"kind": "Service", "spec": {"ports": [{"port": 80}, {"port": 81}]}}
    assert paths(want, {"spec": {"ports": ["80", {"port": 81}]}}) == ["spec.ports"]
    assert paths(want, {"spec": {"ports": [{"port": 80}]}}) == ["spec.ports[port=81,protocol=TCP]"]


def test_all_differences_are_found() -> None:
    want = {"kind": "X", "metadata": {"labels": {"a": "1", "b": "2", "c": "3"}}, "spec": {"d": 4}}
    have = {"metadata": {"labels": {"a": "0", "b": "2"}}, "spec": {"d": 5}}
    assert paths(want, have) == ["metadata.labels.a", "metadata.labels.c", "spec.d"]


def entry(
    manager: str, fields: dict[str, Any], time: str = "2026-01-01T00:00:00Z", **more: str
) -> dict[str, Any]:
    return {"manager": manager, "fieldsV1": fields, "time": time, **more}


IMAGE = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"main"}', "f:image")


def test_the_owner_of_a_field_is_named() -> None:
    owns: dict[str, Any] = {"f:image": {}}
    for step in reversed(IMAGE[:-1]):
        owns = {step: owns}
    fields = [
        entry("shop-operator", {"f:spec": {"f:replicas": {}}}),
        entry("kubectl-edit", owns),
        entry("kubectl-label", {"f:metadata": {"f:labels": {"f:a": {}}}}, "2026-02-01T00:00:00Z"),
    ]
    assert managers(fields, IMAGE, ours="shop-operator") == ["kubectl-edit"]


def test_for_a_removed_field_one_who_wrote_since_our_apply_is_named_and_nobody_else() -> None:
    early = entry("early", {"f:metadata": {}})
    fields = [
        early,
        entry("shop-operator", {}, "2026-02-01T00:00:00Z"),
        entry("kubectl-patch", {"f:metadata": {}}, "2026-03-01T00:00:00Z"),
        entry("kube-controller-manager", {}, "2026-04-01T00:00:00Z", subresource="status"),
    ]
    assert managers(fields, IMAGE, ours="shop-operator") == ["kubectl-patch"]
    assert managers(fields[:2], IMAGE, ours="shop-operator") == []
    assert managers([], IMAGE, ours="shop-operator") == []


def test_all_owners_of_a_field_are_named_in_order_and_once() -> None:
    replicas = {"f:spec": {"f:replicas": {}}}
    fields = [
        entry("zoe", replicas),
        entry("kubectl", replicas),
        entry("kubectl", replicas, operation="Apply"),
        entry("shop-operator", replicas),
        entry("kube-controller-manager", replicas, subresource="scale"),
    ]
    assert managers(fields, ("f:spec", "f:replicas"), ours="shop-operator") == ["kubectl", "zoe"]


def test_who_owns_what_is_above_a_field_owns_it_and_who_has_nothing_does_not() -> None:
    whole = {"f:spec": {"f:selector": {}}}
    path = ("f:spec", "f:selector", "f:app")
    fields = [
        entry("shop-operator", whole, "2026-02-01T00:00:00Z"),
        entry("nobody", {}),
        entry("elsewhere", {"f:spec": {"f:ports": {}}}),
    ]
    assert managers(fields, path, ours="shop-operator") == []
    assert managers([*fields, entry("joe", whole)], path, ours="shop-operator") == ["joe"]
    # And who owns something below a field, of which all is missing.
    assert managers([entry("joe", whole)], ("f:spec",), ours="shop-operator") == ["joe"]


def test_of_those_who_wrote_since_our_apply_the_last_is_named() -> None:
    fields = [
        entry("shop-operator", {}, "2026-02-01T00:00:00Z"),
        entry("shop-operator", {}, "2026-01-01T00:00:00Z"),
        entry("first", {"f:metadata": {}}, "2026-03-01T00:00:00Z"),
        entry("second", {"f:metadata": {}}, "2026-03-03T00:00:00Z"),
        entry("between", {"f:metadata": {}}, "2026-03-02T00:00:00Z"),
        {"manager": "timeless", "fieldsV1": {"f:metadata": {}}},
    ]
    assert managers(fields, IMAGE, ours="shop-operator") == ["second"]
    same_second = [fields[0], entry("quick", {"f:metadata": {}}, "2026-02-01T00:00:00Z")]
    assert managers(same_second, IMAGE, ours="shop-operator") == ["quick"]
    assert managers([fields[0], fields[-1]], IMAGE, ours="shop-operator") == []


def test_where_our_own_apply_is_not_recorded_anybody_may_have_been_it() -> None:
    assert managers([entry("joe", {"f:metadata": {}})], IMAGE, ours="shop-operator") == ["joe"]
    timeless = {"manager": "joe", "fieldsV1": {"f:metadata": {}}}
    assert managers([timeless], IMAGE, ours="shop-operator") == ["joe"]
    assert managers([{"manager": "joe"}], IMAGE, ours="shop-operator") == ["joe"]


def test_a_path_reads_as_people_write_it() -> None:
    assert readable(("f:metadata", "f:labels", "f:app.kubernetes.io/name")) == (
        "metadata.labels.app.kubernetes.io/name"
    )
    keyed = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert readable(keyed) == "spec.ports[port=80,protocol=TCP].name"


def test_a_path_is_in_the_notation_of_managed_fields() -> None:
    live = deployment({"containers": [{**POD["containers"][0], "image": "a:2"}]})
    assert differences(deployment(POD), live) == [IMAGE]


def test_whether_a_list_is_atomic_depends_on_the_kind_also_inside_of_another_list() -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    want = {"kind": "NetworkPolicy", "spec": {"ingress": [{"ports": ports}]}}
    assert paths(want, {"spec": {"ingress": [{"ports": ports[::-1]}]}}) == ["spec.ingress"]
