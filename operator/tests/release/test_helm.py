"""The life of a release with ShopServices and data in it: install, upgrade, rollback, uninstall, and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from ..kubectl import Kubectl
from ..support.cluster import Cluster
from . import charts
from .conftest import CHART, RELEASE, SYSTEM, Helm, Released

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]
DATA = {"Secret": "cart-db", "PersistentVolumeClaim": "data-cart-db-0", "StatefulSet": "cart-db"}
# The field that the charts of before do not know, and what the operator makes of it.
FIELD, NEW = "expose", {"type": "Ingress", "host": "cart.example.com"}


@pytest.fixture(params=charts.before().values(), ids=charts.before().keys())
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A chart of before, whose CRD lacks a field that the present one has."""
    return charts.without(charts.unpack(request.param, tmp_path / "older"), FIELD)


async def identities(cluster: Cluster) -> dict[str, Any]:
    """What must outlive everything: the ShopService, its credentials, its volume and the server on it."""
    found = {kind: await cluster.get(kind, name) for kind, name in {"ShopService": "cart", **DATA}.items()}
    return {
        kind: (live["metadata"]["uid"], live.get("data")) if live else None for kind, live in found.items()
    }


async def spec(cluster: Cluster, name: str) -> dict[str, Any]:
    live = await cluster.get("ShopService", name)
    assert live
    return dict(live["spec"])


async def established(kubectl: Kubectl) -> None:
    kubectl("wait", "--for=condition=Established", "crd/shopservices.shopservice.dev", "--timeout=30s")


async def knows(cluster: Cluster, kubectl: Kubectl, field: str, *, known: bool) -> None:
    """The API server takes a moment to serve a changed CRD."""

    async def told() -> bool:
        return (f"{field}\t" in kubectl("explain", "shopservice.spec")) == known

    await cluster.until(told)


async def test_an_upgrade_brings_the_new_fields_and_a_rollback_takes_them_back(
    cluster: Cluster, helm: Helm, operator: Released, kubectl: Kubectl, older: Path
) -> None:
    helm.install(older)
    await established(kubectl)
    await cluster.apply("cart", ports=PORTS, database={})
    refused = kubectl.refusal(
        "apply", "-f", "-", given=cluster.manifest("early", ports=PORTS, **{FIELD: NEW})
    )
    assert f'unknown field "spec.{FIELD}"' in refused
    stored = await spec(cluster, "cart")

    helm("upgrade", RELEASE, str(CHART))
    await knows(cluster, kubectl, FIELD, known=True)
    now = await spec(cluster, "cart")
    assert now == {**now, **stored}, "what was asked for is as it was; new fields may have defaults"
    await operator.start()
    await cluster.until_reconciled("cart")
    kept = await identities(cluster)
    assert None not in kept.values()
    for name in ("cart", "untouched"):
        await cluster.apply(name, ports=PORTS, database={}, **{FIELD: NEW})
        await cluster.until_reconciled(name)
        assert await cluster.get("Ingress", name)

    operator.stop()
    helm("rollback", RELEASE, "1")
    await knows(cluster, kubectl, FIELD, known=False)
    assert await identities(cluster) == kept
    # What the older CRD does not know is not shown, and gone from a ShopService that is written meanwhile.
    for name in ("cart", "untouched"):
        assert FIELD not in await spec(cluster, name)
    await cluster.edit("ShopService", "cart", {"metadata": {"annotations": {"team": "a"}}})

    helm("upgrade", RELEASE, str(CHART))
    await knows(cluster, kubectl, FIELD, known=True)
    assert await identities(cluster) == kept
    assert FIELD not in await spec(cluster, "cart")
    assert (await spec(cluster, "untouched"))[FIELD] == NEW
    await operator.start()
    await cluster.until_gone("Ingress", "cart")
    assert await cluster.get("Ingress", "untouched")
    assert await identities(cluster) == kept


async def test_an_uninstall_keeps_services_and_data_and_an_install_adopts_them(
    cluster: Cluster, helm: Helm, operator: Released, kubectl: Kubectl
) -> None:
    helm.install()
    await established(kubectl)
    await operator.start()
    await cluster.apply("cart", ports=PORTS, database={})
    await cluster.until_reconciled("cart")
    kept = await identities(cluster)
    children = (await cluster.get("ShopService", "cart"))["status"]["children"]
    named = [f"{o['kind']}/{o['metadata']['name']}" for o in helm.objects()]
    operator.stop()

    helm("uninstall", RELEASE)
    left = {name for name in named if kubectl.run("get", name, f"--namespace={SYSTEM}").returncode == 0}
    assert left == {"CustomResourceDefinition/shopservices.shopservice.dev"}
    assert await identities(cluster) == kept
    for child in children:
        assert await cluster.get(child["kind"], child["name"]), child

    helm.install()
    cluster.mark()
    await operator.start()
    await cluster.until(operator.idle)
    assert operator.reconciles() == 1
    assert [call for call in cluster.calls() if not call.startswith("list")] == [], "nothing was made anew"
    assert await identities(cluster) == kept


async def test_a_kept_crd_is_not_taken_from_another_release_unasked(helm: Helm, kubectl: Kubectl) -> None:
    helm.install()
    helm("uninstall", RELEASE)
    other = helm.run("install", "second", str(CHART))
    assert other.returncode != 0
    assert "invalid ownership metadata" in other.stderr
    helm("install", "second", str(CHART), "--take-ownership")
    crd = json.loads(kubectl("get", "crd", "shopservices.shopservice.dev", "--output=json"))
    assert crd["metadata"]["annotations"]["meta.helm.sh/release-name"] == "second"
