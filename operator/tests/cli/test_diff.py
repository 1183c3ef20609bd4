"""`shop-operator diff` as a person who may only read."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kindlocal.apiserver import ApiServer
from shop_operator.cluster import kinds

from ..support.cluster import NAMESPACE, Cluster, Operator

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]


async def may_read(cluster: Cluster, user: str, *but: str) -> None:
    """Give a user the rights to get and list the ShopServices of the namespace and what they become."""
    named = {"namespace": cluster.namespace, "name": user}
    rules = [
        {"apiGroups": [kind.group], "resources": [kind.plural], "verbs": ["get", "list"]}
        for kind in (kinds.SHOP_SERVICE, *kinds.CHILDREN)
        if kind.plural not in but
    ]
    api, group = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    role = {"apiVersion": api, "kind": "Role", "metadata": named, "rules": rules}
    binding = {
        "apiVersion": api, "kind": "RoleBinding", "metadata": named,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }  # fmt: skip
    for manifest in (role, binding):
        kind = kinds.Kind(api, str(manifest["kind"]), f"{manifest['kind']}s".lower())
        await cluster.api.apply(manifest, kind, manager="kubectl")


def diff(server: ApiServer, folder: Path, user: str, *manifests: Any) -> subprocess.CompletedProcess[str]:
    """What the command says of these ShopServices, given on standard input."""
    env = Operator(server, folder, "", user=user).env
    command = [sys.executable, "-c", "import sys; from shop_operator.cli import main; sys.exit(main())"]
    return subprocess.run(
        [*command, "diff", "-"], env=env, input=yaml.safe_dump_all(manifests), capture_output=True, text=True
    )


async def test_to_get_and_to_list_is_enough(
    cluster: Cluster, operator: Operator, server: ApiServer, tmp_path: Path
) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS, database={})
    await cluster.until_reconciled("catalog")
    await cluster.until(operator.idle)
    await may_read(cluster, "reader")
    catalog = cluster.manifest("catalog", ports=PORTS, database={}, replicas=0)
    cart = cluster.manifest("cart", ports=PORTS, dependsOn=[{"name": "catalog"}])

    told = diff(server, tmp_path, "reader", catalog, cart)
    assert told.stderr == ""
    lines = {line.removeprefix(f"{cluster.namespace}/") for line in told.stdout.splitlines()}
    assert "catalog  ~ Deployment catalog: spec.replicas" in lines
    assert any(line.startswith("catalog  ~ NetworkPolicy catalog: spec.ingress") for line in lines), lines
    assert {"cart  + Deployment cart", "cart  + Service cart"} <= lines
    assert not any("Secret" in line for line in lines), "no password is made up anew"
    assert await cluster.get("Deployment", "cart") is None


async def test_who_may_look_everywhere_sees_callers_from_everywhere(
    cluster: Cluster, operator: Operator, server: ApiServer, tmp_path: Path
) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.until_reconciled("catalog")
    await cluster.until(operator.idle)
    elsewhere = f"{cluster.namespace}-elsewhere"
    await cluster.api.create(
        {"kind": "Namespace", "metadata": {"name": elsewhere}}, NAMESPACE, manager="kubectl"
    )
    caller = cluster.manifest("cart", dependsOn=[{"name": "catalog", "namespace": cluster.namespace}])
    caller["metadata"]["namespace"] = elsewhere
    await cluster.api.apply(caller, kinds.SHOP_SERVICE, manager="kubectl")
    await may_read(cluster, "near")
    catalog = cluster.manifest("catalog", ports=PORTS)
    assert diff(server, tmp_path, "near", catalog).stdout == "", (
        "as the operator, which watches one namespace"
    )
    told = diff(server, tmp_path, "operator", catalog)
    assert "NetworkPolicy catalog: spec.ingress" in told.stdout, told


async def test_a_right_that_is_missing_is_named(cluster: Cluster, server: ApiServer, tmp_path: Path) -> None:
    await may_read(cluster, "guest", "secrets")
    told = diff(server, tmp_path, "guest", cluster.manifest("cart"))
    assert told.returncode == 2
    assert told.stdout == ""
    (line,) = told.stderr.splitlines()
    assert line.startswith("shop-operator: ")
    assert 'User "guest" cannot list resource "secrets"' in line
