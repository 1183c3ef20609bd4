"""A user's kubeconfig gains and loses a context, and keeps everything else."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kindlocal import kubeconfig
from kindlocal.errors import KindlocalError


def entry(name: str, server: str = "https://a") -> dict[str, Any]:
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"token": "t"}}],
    }


def test_merging_adds_replaces_and_makes_current() -> None:
    own = {**entry("work"), "preferences": {"colors": True}}
    once = kubeconfig.merged(own, entry("kind-shop", "https://old"))
    twice = kubeconfig.merged(once, entry("kind-shop", "https://new"))
    assert [one["name"] for one in twice["clusters"]] == ["work", "kind-shop"]
    assert twice["clusters"][1]["cluster"]["server"] == "https://new"
    assert twice["current-context"] == "kind-shop"
    assert twice["preferences"] == {"colors": True}


def test_merging_into_nothing() -> None:
    assert kubeconfig.merged({}, entry("a")) == {"apiVersion": "v1", "kind": "Config", **entry("a")}
    assert kubeconfig.merged({"clusters": None}, entry("a"))["clusters"] == entry("a")["clusters"]


def test_removing_undoes_merging() -> None:
    own = {"apiVersion": "v1", "kind": "Config", **entry("work")}
    removed = kubeconfig.without(kubeconfig.merged(own, entry("kind-shop")), "kind-shop")
    assert removed == {**own, "current-context": ""}
    assert kubeconfig.without(own, "kind-other") == own


def test_files_that_kubectl_would_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert kubeconfig.user_file() == second
    assert kubeconfig.user_file("given") == Path("given")
    first.touch()
    assert kubeconfig.user_file() == first
    assert kubeconfig.user_files() == [first, second]
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.user_file() == tmp_path / ".kube" / "config"


def test_editing_keeps_a_link_and_is_private(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "folder" / "link"
    link.parent.mkdir()
    link.symlink_to(target)
    kubeconfig.edit(link, lambda config: kubeconfig.merged(config, entry("a")))
    assert link.is_symlink()
    assert yaml.safe_load(target.read_text())["current-context"] == "a"
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(link.parent.glob("*.lock"))


def test_a_file_that_needs_no_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("# mine\ncurrent-context: ''\ncontexts: []\nclusters: []\nusers: []\n")
    kubeconfig.edit(path, lambda config: kubeconfig.without(config, "kind-x"))
    assert path.read_text().startswith("# mine")


@pytest.mark.parametrize("text", ["- a\n", "{", "just words"])
def test_a_file_that_is_no_kubeconfig_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KindlocalError, match="is no kubeconfig"):
        kubeconfig.edit(path, lambda config: kubeconfig.merged(config, entry("a")))
    assert path.read_text() == text
    assert not path.with_name("config.lock").exists()
