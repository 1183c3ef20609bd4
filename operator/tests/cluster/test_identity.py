"""Who may call whom: what a callee is told of its callers, and that it can recognise them by it."""

import json
from typing import Any

import jwt
import pytest
from shop_operator.cluster import kinds

from ..support.cluster import Cluster, Operator

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]


async def callers(cluster: Cluster, service: str) -> dict[str, str]:
    found = await cluster.get("ConfigMap", f"{service}-callers")
    return found["data"] if found else {}


async def subjects(cluster: Cluster, service: str) -> list[str]:
    """The callers without what all of them begin with."""
    start = f"system:serviceaccount:{cluster.namespace}:"
    listed = json.loads((await callers(cluster, service)).get("callers.json", "[]"))
    return [subject.removeprefix(start) for subject in listed]


async def token(cluster: Cluster, account: str, audience: str) -> str:
    """As the kubelet gets one for a pod's projected volume."""
    path = kinds.of("ServiceAccount").path(cluster.namespace, account, "token")
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience]},
    }
    answer = await cluster.api._call("create", kinds.of("ServiceAccount"), "POST", path, body=wanted)
    found: str = answer["status"]["token"]
    return found


def subject_of(told: dict[str, str], given: str) -> str:
    """What a callee does with a token and its files: raises jwt.InvalidTokenError."""
    keys = jwt.PyJWKSet.from_json(told["jwks.json"])
    claims: dict[str, Any] = jwt.decode(
        given,
        keys[jwt.get_unverified_header(given)["kid"]],
        algorithms=["RS256", "ES256"],
        audience=told["audience"],
        issuer=told["issuer"],
    )
    found: str = claims["sub"]
    return found


async def test_a_callee_recognises_its_callers_by_what_it_is_told(
    cluster: Cluster, operator: Operator
) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])
    await cluster.apply("search")
    for name in ("catalog", "cart", "search"):
        await cluster.until_reconciled(name)

    async def told() -> bool:
        return await subjects(cluster, "catalog") == ["cart"]

    await cluster.until(told)
    data = await callers(cluster, "catalog")
    accepted = json.loads(data["callers.json"])
    assert subject_of(data, await token(cluster, "cart", data["audience"])) in accepted
    assert subject_of(data, await token(cluster, "search", data["audience"])) not in accepted
    for_another = await token(cluster, "cart", f"search.{cluster.namespace}")
    with pytest.raises(jwt.InvalidAudienceError):
        subject_of(data, for_another)


async def test_the_audience_of_a_callers_token_is_the_callees(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])
    await cluster.until_there("ConfigMap", "catalog-callers")
    volumes = (await cluster.until_there("Deployment", "cart"))["spec"]["template"]["spec"]["volumes"]
    (source,) = next(one for one in volumes if one["name"] == "identity")["projected"]["sources"]
    audience = (await callers(cluster, "catalog"))["audience"]
    assert source["serviceAccountToken"]["audience"] == audience == f"catalog.{cluster.namespace}"
    assert source["serviceAccountToken"]["path"] == audience


async def test_callers_are_followed_without_touching_the_pods(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])

    async def told(*names: str) -> bool:
        return await subjects(cluster, "catalog") == list(names)

    await cluster.until(lambda: told("cart"))
    before = await cluster.until_there("Deployment", "catalog")
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}], serviceAccount={"name": "default"})
    await cluster.until(lambda: told("default"))
    await cluster.until_gone("ServiceAccount", "cart")
    await cluster.apply(
        "order", dependsOn=[{"name": "catalog"}], podTemplate={"spec": {"serviceAccountName": "x"}}
    )
    await cluster.until(lambda: told("default", "x"))
    await cluster.delete("ShopService", "order")
    await cluster.apply("cart")
    await cluster.until(told)
    after = await cluster.get("Deployment", "catalog")
    assert after
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


async def test_keys_that_cannot_be_read_any_more_are_not_taken_from_services(
    cluster: Cluster, operator: Operator
) -> None:
    await operator.start()
    await cluster.apply("catalog", ports=PORTS)
    await cluster.apply("cart", dependsOn=[{"name": "catalog"}])
    await cluster.until_there("ConfigMap", "catalog-callers")
    await cluster.until(lambda: cluster.until_condition("catalog", "Degraded", "False"))
    before = await callers(cluster, "catalog")
    operator.stop()
    role = kinds.Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
    granted = await cluster.api.get(role, "", "shop-operator")
    assert granted
    lesser = [rule for rule in granted["rules"] if "nonResourceURLs" not in rule]
    metadata = {"name": "shop-operator"}
    body = {"apiVersion": role.api_version, "kind": role.kind, "metadata": metadata}
    await cluster.api.apply({**body, "rules": lesser}, role, manager="kubectl")
    try:
        await operator.start()
        await cluster.apply("order", dependsOn=[{"name": "catalog"}])

        async def told() -> bool:
            return await subjects(cluster, "catalog") == ["cart", "order"]

        await cluster.until(told)
    finally:
        await cluster.api.apply({**body, "rules": granted["rules"]}, role, manager="kubectl")
    after = await callers(cluster, "catalog")
    assert (after["jwks.json"], after["issuer"]) == (before["jwks.json"], before["issuer"])
