"""What holds for every child of every golden case."""

from collections.abc import Iterator
from typing import Any

import pytest
from shop_operator.children import Manifest
from shop_operator.children.canonical import canonical

from . import golden

CHILDREN: list[tuple[str, Manifest]] = [
    (name, child) for name in golden.ACCEPTED for child in golden.case(name).children()
]
IDS = [f"{name}/{child['kind']}/{child['metadata']['name']}" for name, child in CHILDREN]
every_child = pytest.mark.parametrize(("case", "child"), CHILDREN, ids=IDS)

PODS = [
    (f"{name}/{owner}", pod)
    for name in golden.ACCEPTED
    if name not in golden.UNRESTRICTED
    for owner, pod in golden.pods(golden.case(name).children())
]


@every_child
def test_it_is_canonical(case: str, child: Manifest) -> None:
    assert canonical(child) == child


@every_child
def test_names_and_labels_fit(case: str, child: Manifest) -> None:
    metadata = child["metadata"]
    assert len(metadata["name"]) <= 63
    assert metadata["namespace"] == "shop"
    service = golden.case(case).shop.name
    component = metadata["labels"]["app.kubernetes.io/component"]
    own = {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/managed-by": "shop-operator",
        "app.kubernetes.io/component": component,
        "shopservice.dev/name": service,
    }
    assert metadata["labels"].items() >= own.items()
    assert component in ("service", "database", "cache", "migration", "job", "rotation")


@every_child
def test_only_what_is_retained_has_no_owner(case: str, child: Manifest) -> None:
    shop = golden.case(case).shop
    retained = {
        f"{shop.name}-db": shop.spec.database and shop.spec.database.deletion_policy == "Retain",
        f"{shop.name}-cache": shop.spec.cache
        and shop.spec.cache.persistence == "AppendOnly"
        and shop.spec.cache.deletion_policy == "Retain",
    }
    name = child["metadata"]["name"].removeprefix("data-").removesuffix("-0").removesuffix("-logins")
    kept = child["kind"] in ("Secret", "PersistentVolumeClaim") and retained.get(name)
    owned = bool(shop.metadata.uid) and not kept
    assert ("ownerReferences" in child["metadata"]) == owned


TEXTS = (".labels.", ".annotations.", ".matchLabels.", ".nodeSelector.", ".data.")


@every_child
def test_quantities_and_empty_values_are_as_the_server_writes_them(case: str, child: Manifest) -> None:
    for path, value in leaves(child):
        assert value is not None, path
        assert value not in ("", []) or any(map(path.count, TEXTS)) or path.endswith("]"), path


@pytest.mark.parametrize("pod", [pod for _, pod in PODS], ids=[name for name, _ in PODS])
def test_pods_pass_the_restricted_profile(pod: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    allowed = {
        "configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"
    }  # fmt: skip
    assert all(volume.keys() - {"name"} <= allowed for volume in pod["volumes"])
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]
        assert set(security["capabilities"].get("add", ())) <= {"NET_BIND_SERVICE"}
        assert security.get("runAsUser", 1) > 0
        assert all(not port.get("hostPort") for port in container.get("ports", ()))


@pytest.mark.parametrize("pod", [pod for _, pod in PODS], ids=[name for name, _ in PODS])
def test_pods_are_good_neighbours(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    mounts |= {
        mount["name"] for container in pod.get("initContainers", ()) for mount in container["volumeMounts"]
    }
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_what_others_stand_on_comes_first(name: str) -> None:
    kinds = [child["kind"] for child in golden.case(name).children()]
    main = len(kinds) - 1 - kinds[::-1].index("Deployment")
    assert "ServiceAccount" not in kinds[1:]
    first_pod = min(kinds.index(kind) for kind in ("Deployment", "StatefulSet", "Job") if kind in kinds)
    for before in ("NetworkPolicy", "Secret"):
        assert before not in kinds or kinds.index(before) < first_pod
    assert "Job" not in kinds or kinds.index("Job") < main
    for after in ("ScaledObject", "HorizontalPodAutoscaler"):
        assert after not in kinds or kinds.index(after) > main


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_replicas_are_named_by_one_side_alone(name: str) -> None:
    case = golden.case(name)
    deployment = next(
        child
        for child in case.children()
        if (child["kind"], child["metadata"]["name"]) == ("Deployment", case.shop.name)
    )
    by_hand = case.shop.spec.autoscaling is None and not case.context.autoscalers
    assert ("replicas" in deployment["spec"]) == by_hand
    scalers = [c for c in case.children() if c["kind"] in ("ScaledObject", "HorizontalPodAutoscaler")]
    assert not (by_hand and scalers)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value
