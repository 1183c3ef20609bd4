import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from shop_operator.cli import main

SHOP = """
apiVersion: shopservice.dev/v1
kind: ShopService
metadata: {name: cart, namespace: shop}
spec:
  image: shop/cart:1
  ports: [{name: http, port: 8080}]
  autoscaling: {max: 2, metrics: [{type: Concurrency, target: 4}]}
  dependsOn: [{name: catalog}]
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: shopservice.dev/v1
kind: ShopService
metadata: {name: catalog, namespace: shop}
spec: {image: "shop/catalog:1", ports: [{name: http, port: 8080}], database: {}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


def test_render_prints_the_children_of_all_services(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "--postgres-image", "postgres:{version}"]) == 0
    children = {
        (child["kind"], child["metadata"]["name"]): child
        for child in yaml.safe_load_all(capsys.readouterr().out)
    }
    callers = children["NetworkPolicy", "catalog"]["spec"]["ingress"][0]["from"]
    assert [caller["podSelector"]["matchLabels"]["shopservice.dev/name"] for caller in callers] == ["cart"]
    database = children["StatefulSet", "catalog-db"]["spec"]["template"]["spec"]["containers"][0]
    assert database["image"] == "postgres:15"
    assert ("ScaledObject", "cart") in children
    assert "ownerReferences" not in children["Deployment", "cart"]["metadata"]


def test_render_can_pretend_that_kinds_are_missing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(file), "--kinds", "PodMonitor"]) == 0
    kinds = {child["kind"] for child in yaml.safe_load_all(capsys.readouterr().out)}
    assert "PodMonitor" in kinds
    assert not kinds & {"ScaledObject", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{kind: ShopService, apiVersion: shopservice.dev/v2}",
            "expected apiVersion shopservice.dev/v1, found shopservice.dev/v2",
        ),
        ("kind: Pod", "expected a ShopService of shopservice.dev/v1, found none"),
        ("", "expected a ShopService of shopservice.dev/v1, found none"),
        ("just text", "expected Kubernetes objects, found str"),
        ("a: [", "not YAML"),
        (
            "{apiVersion: shopservice.dev/v1, kind: ShopService, metadata: {name: a}, spec: {image: 1}}",
            "ShopService a is not valid:\n  spec.image: ",
        ),
    ],
)
def test_bad_files_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    assert main(["render", str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"shop-operator: {path}: ")
    assert message in shown.err


def test_a_missing_file_and_a_wrong_setting_are_one_line_each(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", f"{file}.no"]) == 1
    assert capsys.readouterr().err == f"shop-operator: {file}.no: No such file or directory\n"
    assert main(["render", str(file), "--workers", "0"]) == 1
    assert "--workers (SHOP_OPERATOR_WORKERS)" in capsys.readouterr().err


def test_render_reads_standard_input(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shop_operator", "render", "-"], input=SHOP, text=True, capture_output=True
    )
    assert done.returncode == 0
    assert done.stdout.count("kind: Deployment") == 2
