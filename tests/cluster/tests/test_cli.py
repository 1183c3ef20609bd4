"""Commands, durations and names, as kind has them; nothing here needs a cluster or root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kindlocal import cluster
from kindlocal.cli import parser, seconds
from kindlocal.errors import KindlocalError
from kindlocal.images import full_name


def kind(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kindlocal.cli", *args]
    return subprocess.run(command, capture_output=True, text=True, env=variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1m30.5s", 90.5), ("250ms", 0.25)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["60", "5 m", "m5", "-5s", "5x"])
def test_a_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(KindlocalError, match="expected a duration such as 60s"):
        seconds(text)


@pytest.mark.parametrize("name", ["kind", "a", "a.b-c", "x" * 49])
def test_names_that_kind_takes(name: str) -> None:
    assert cluster.valid_name(name)


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", ".", "..", "a..b", "a/b", "x" * 50])
def test_names_that_would_be_no_host_name(name: str) -> None:
    assert not cluster.valid_name(name)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("shop", "docker.io/library/shop:latest"),
        ("shop:1", "docker.io/library/shop:1"),
        ("shop/catalog:dev-1", "docker.io/shop/catalog:dev-1"),
        ("localhost/shop", "localhost/shop:latest"),
        ("localhost:5000/shop", "localhost:5000/shop:latest"),
        ("ghcr.io/kedacore/keda:2.21.0", "ghcr.io/kedacore/keda:2.21.0"),
        ("shop@sha256:0123", "docker.io/library/shop@sha256:0123"),
    ],
)
def test_short_names_become_what_the_kubelet_asks_for(short: str, full: str) -> None:
    assert full_name(short) == full


def test_addresses_of_two_clusters_do_not_meet() -> None:
    first, second = cluster.Cluster("a", 0), cluster.Cluster("b", 1)
    assert (first.node_address, second.node_address) == ("10.128.255.2", "10.129.255.2")
    assert first.network != second.network


def test_flags_as_in_kind() -> None:
    args = parser().parse_args(["create", "cluster", "-n", "shop", "--wait=1m", "--kubeconfig", "k"])
    assert (args.name, args.wait, args.kubeconfig) == ("shop", "1m", "k")
    args = parser().parse_args(["load", "docker-image", "a:1", "b:2", "--name", "shop", "--nodes", "n"])
    assert (args.images, args.nodes) == (["a:1", "b:2"], "n")
    assert parser().parse_args(["delete", "clusters", "--all"]).all


@pytest.mark.parametrize(
    "args", [[], ["create"], ["create", "node"], ["create", "cluster", "--nope"], ["load"]]
)
def test_a_usage_error_is_one_line_and_ends_with_1(args: list[str]) -> None:
    done = kind(*args)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: ")
    assert done.stderr.count("\n") == 1


def test_version() -> None:
    assert kind("version", "-q").stdout == "0.33.0\n"
    assert kind("version").stdout.startswith("kind v0.33.0 ")


def test_no_clusters(tmp_path: Path) -> None:
    done = kind("get", "clusters", KINDLOCAL_STATE=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No kind clusters found.\n")
    done = kind("get", "nodes", "--name", "x", KINDLOCAL_STATE=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", 'No kind nodes found for cluster "x".\n')
    done = kind("get", "kubeconfig", "--name", "x", KINDLOCAL_STATE=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not locate any control plane nodes for cluster named 'x'" in done.stderr


def test_a_creation_that_was_killed_is_told_from_one_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINDLOCAL_STATE", str(tmp_path))
    new, at_work = cluster.claim("shop", 3)
    assert cluster.find("shop") == new
    assert not new.half_made
    os.close(at_work)
    assert new.half_made
    (new.folder / "ready").touch()
    assert not new.half_made
    assert cluster.everyone() == [new]
