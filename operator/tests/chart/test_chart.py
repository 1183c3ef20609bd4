"""charts/shop-operator, by Helm itself."""

import subprocess
from typing import Any

import pytest
import yaml
from kindlocal.paths import binary
from shop_operator.settings import PREFIX, Settings

from ..generated import REPOSITORY
from ..kubectl import Kubectl

pytestmark = pytest.mark.apiserver


def helm(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binary("helm")), *args], cwd=REPOSITORY, text=True, capture_output=True, timeout=60
    )


def template(*args: str) -> list[dict[str, Any]]:
    done = helm("template", "op", "charts/shop-operator", "-n", "shop-system", "--kube-version=1.36.0", *args)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of(kind: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    return next(document for document in documents if document["kind"] == kind)


def kinds_of(documents: list[dict[str, Any]]) -> list[str]:
    return [document["kind"] for document in documents]


def test_lint() -> None:
    done = helm("lint", "--strict", "charts/shop-operator")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_server_takes_all_of_it(kubectl: Kubectl) -> None:
    documents = template("--api-versions", "monitoring.coreos.com/v1")
    assert of("PodMonitor", documents)
    for document in documents:
        if document["kind"] != "CustomResourceDefinition":  # which is there, and compared in tests/api
            document["metadata"].pop("namespace", None)
            kubectl.apply(document, "--dry-run=server")


def test_every_setting_can_be_set_and_defaults_to_the_commands_own() -> None:
    container = of("Deployment", template())["spec"]["template"]["spec"]["containers"][0]
    given = {env["name"]: env["value"] for env in container["env"]}
    assert given == {
        PREFIX + name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in Settings().model_dump().items()
    }


def test_rights_end_where_the_watching_ends() -> None:
    everywhere, in_one = template(), template("--set", "watchNamespace=shop")
    assert {kind for kind in kinds_of(everywhere) if "Role" in kind} == {"ClusterRole", "ClusterRoleBinding"}
    assert {kind for kind in kinds_of(in_one) if "Role" in kind} == {"Role", "RoleBinding"}
    assert of("Role", in_one)["metadata"]["namespace"] == "shop"
    assert of("RoleBinding", in_one)["metadata"]["namespace"] == "shop"
    more = [
        rule for rule in of("ClusterRole", everywhere)["rules"] if rule not in of("Role", in_one)["rules"]
    ]
    assert [rule.get("resources", rule.get("nonResourceURLs")) for rule in more] == [
        ["customresourcedefinitions"],
        ["/.well-known/openid-configuration", "/openid/v1/jwks"],
        ["persistentvolumes"],
    ]


def test_an_uninstall_keeps_the_crd_and_with_it_the_data() -> None:
    crd = of("CustomResourceDefinition", template())
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("workers=0", "/workers"),
        ("prometheusUrl=prometheus:9090", "/prometheusUrl"),
        ("imageTag=1", "imageTag"),
    ],
)
def test_wrong_values_are_named(value: str, named: str) -> None:
    done = helm("template", "op", "charts/shop-operator", "--kube-version=1.36.0", "--set", value)
    assert done.returncode != 0
    assert named in done.stderr
