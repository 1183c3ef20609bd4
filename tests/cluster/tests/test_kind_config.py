"""kind's configuration file: what is honoured, what is said to be ignored, what is refused."""

from pathlib import Path
from typing import Any

import pytest
from kindlocal import kind_config
from kindlocal.errors import KindlocalError
from kindlocal.ports import Mapping

TEXT = """
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: shop
networking: {apiServerPort: 6443}
nodes:
- role: control-plane
  image: kindest/node:v1.36.0
  extraPortMappings:
  - {containerPort: 30080, hostPort: 8080}
  - containerPort: 30443
    hostPort: 8443
    listenAddress: "127.0.0.1"
    protocol: TCP
"""


def test_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text(TEXT)
    assert kind_config.read(str(path)) == kind_config.KindConfig(
        name="shop",
        ports=[Mapping(30080, 8080), Mapping(30443, 8443, "127.0.0.1")],
        ignored=["networking", "nodes[0].image"],
    )


def test_the_least_configuration() -> None:
    assert kind_config.parse({"kind": "Cluster"}) == kind_config.KindConfig()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "kind: Cluster"),
        (["a"], "kind: Cluster"),
        ({"kind": "Cluster", "nodes": [{}, {}]}, "asks for 2 nodes"),
        (
            {"kind": "Cluster", "nodes": [{"extraPortMappings": [{"hostPort": 1}]}]},
            "containerPort must be a port",
        ),
        (
            {"kind": "Cluster", "nodes": [{"extraPortMappings": [{"containerPort": 1, "hostPort": 70000}]}]},
            "hostPort must be a port from 1 to 65535, found 70000",
        ),
        (
            {"kind": "Cluster", "nodes": [{"extraPortMappings": [{"containerPort": 1, "protocol": "UDP"}]}]},
            "only TCP",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(document: Any, words: str) -> None:
    with pytest.raises(KindlocalError, match=words):
        kind_config.parse(document)


def test_a_file_that_is_not_yaml_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("kind: [")
    with pytest.raises(KindlocalError, match="is not YAML"):
        kind_config.read(str(path))
    with pytest.raises(KindlocalError, match="No such file"):
        kind_config.read(str(tmp_path / "none"))
