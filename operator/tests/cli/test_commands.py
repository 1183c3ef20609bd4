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
    ("text", "told"),
    [
        (
            "kind: ShopService\napiVersion: shopservice.dev/v2",
            ":2: expected apiVersion shopservice.dev/v1, found shopservice.dev/v2",
        ),
        ("kind: Pod", ": expected a ShopService of shopservice.dev/v1, found Pod"),
        ("", ": expected a ShopService of shopservice.dev/v1, found none"),
        ("just text", ":1: expected a Kubernetes object, found str"),
        ("a: 1\nb: [", ":2: not YAML: expected the node content, but found '<stream end>'"),
        ("kind: Pod\n---\nkind: Pod\nkind: Job", ":4: kind is given twice"),
    ],
)
def test_bad_files_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    assert main(["render", str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{path}{told}"), shown.err


WRONG = """\
apiVersion: shopservice.dev/v1
kind: ShopService
metadata: {name: cart}
spec:
  image: 1
  prots: []
  ports:
  - name: http
    port: 8080
  - name: UPPER
---
apiVersion: shopservice.dev/v1
kind: ShopService
metadata:
  name: catalog
spec:
  image: shop/catalog:1
  replicas: 2
  autoscaling:
    min: 3
    max: 2
    metrics: [{type: Cpu, target: 70}]
---
apiVersion: shopservice.dev/v1
kind: ShopService
metadata: {name: search}
"""


def test_everything_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(WRONG)
    (tmp_path / "b.yaml").write_text(SHOP + "---" + SHOP)
    assert main(["render", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 1
    lines = [line.removeprefix(f"{tmp_path}/") for line in capsys.readouterr().err.splitlines()]
    assert [line.split(": ", 3)[:3] for line in lines[:-2]] == [
        ["a.yaml:5", "ShopService cart", "spec.image"],
        ["a.yaml:6", "ShopService cart", "spec.prots"],
        ["a.yaml:10", "ShopService cart", "spec.ports[1].name"],
        ["a.yaml:10", "ShopService cart", "spec.ports[1].port"],
        ["a.yaml:18", "ShopService catalog", "spec.replicas"],
        ["a.yaml:20", "ShopService catalog", "spec.autoscaling.min"],
        ["a.yaml:24", "ShopService search", "spec"],
    ]
    assert lines[-2:] == [
        "b.yaml:22: ShopService cart is given twice",
        "b.yaml:35: ShopService catalog is given twice",
    ]


def test_what_kubectl_prints_can_be_read(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [document for document in yaml.safe_load_all(SHOP) if document]
    listed = tmp_path / "list.yaml"
    listed.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    assert main(["render", str(file)]) == main(["render", str(listed)]) == 0
    shown = capsys.readouterr().out
    assert shown[: len(shown) // 2] == shown[len(shown) // 2 :]


def test_a_missing_file_and_a_wrong_setting_are_one_line_each(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", f"{file}.no"]) == 1
    assert capsys.readouterr().err == f"{file}.no: No such file or directory\n"
    assert main(["render", str(file), "--workers", "0"]) == 1
    assert "--workers (SHOP_OPERATOR_WORKERS)" in capsys.readouterr().err


def test_render_reads_standard_input(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shop_operator", "render", "-"], input=SHOP, text=True, capture_output=True
    )
    assert done.returncode == 0
    assert done.stdout.count("kind: Deployment") == 2


def test_what_is_wrong_in_standard_input_has_its_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shop_operator", "render", "-"], input=WRONG, text=True, capture_output=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("<stdin>:5: ShopService cart: spec.image: ")
