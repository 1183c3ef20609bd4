"""What decides whether something is built again, and the go.mod that a build starts from."""

import hashlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from kindlocal import archive, build, debian, gobuild, pins
from kindlocal.errors import KindlocalError

ETCD = next(one for one in pins.MODULES if one.name == "etcd")


def test_every_pin_is_exact_and_every_program_has_one_owner() -> None:
    programs = [program for one in pins.MODULES for program in one.programs]
    assert len(programs) == len(set(programs))
    for one in pins.MODULES:
        assert one.version not in ("", "latest")
    for image in build.IMAGES:
        assert image.program in programs or image.debian
        tag = image.reference.rpartition(":")[2]
        assert tag not in ("latest", "main", "")


def test_a_changed_recipe_is_built_again_and_an_equal_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINDLOCAL_CACHE", str(tmp_path))
    built: list[str] = []

    class Builder:
        def __init__(self, module: pins.Module) -> None:
            self.module = module

        def build(self) -> Path:
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / "etcd").write_text("program")
            built.append(self.module.version)
            return tmp_path

    monkeypatch.setattr(gobuild, "Builder", Builder)
    build.module(ETCD)
    build.module(ETCD)
    build.module(replace(ETCD, minutes=9))
    assert built == [ETCD.version]
    build.module(replace(ETCD, version="v9.9.9"))
    assert built == [ETCD.version, "v9.9.9"]
    (tmp_path / "bin" / "etcd").unlink()
    build.module(replace(ETCD, version="v9.9.9"))
    assert built == [ETCD.version, "v9.9.9", "v9.9.9"]
    assert json.loads((tmp_path / "modules.json").read_text()) == {ETCD.path: str(tmp_path)}


def test_a_failed_build_leaves_no_program_and_names_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho 'main.go:1: no such thing' >&2; exit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("KINDLOCAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(gobuild, "find_go", lambda: str(go))
    with pytest.raises(KindlocalError) as failure:
        build.module(ETCD)
    log = tmp_path / "cache" / "work" / "etcd" / "log"
    assert str(failure.value) == f"building etcd failed: main.go:1: no such thing (log: {log})"
    assert log.exists()
    assert not (tmp_path / "cache" / "bin").exists()
    assert capsys.readouterr().out.endswith("… failed\n")


def test_go_mod_takes_over_pins_but_not_folders() -> None:
    theirs = (
        "module example.com/a\n\ngo 1.26.0\n\nrequire example.com/b v1.0.0\n\nreplace (\n"
        "\texample.com/b => example.com/fork v1.0.1\n\texample.com/c => ../c\n\texample.com/d => ./d\n)\n"
    )
    module = pins.Module("a", "example.com/a", "v1.2.3", {"a": ""}, 1)
    assert gobuild.own_go_mod(module, theirs).split("\n", 2)[:2] == [
        "module kindlocal/a",
        "require example.com/a v1.2.3",
    ]
    text = gobuild.own_go_mod(module, theirs)
    assert "example.com/b => example.com/fork v1.0.1" in text
    assert "../c" not in text
    assert "./d" not in text


def test_staging_modules_of_kubernetes_get_their_published_version() -> None:
    theirs = (
        "module k8s.io/kubernetes\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire (\n"
        "\tk8s.io/api v0.0.0\n\tk8s.io/utils v0.0.0-20260101000000-abcdefabcdef\n\tk8s.io/klog/v2 v2.1.0\n)\n"
    )
    module = pins.Module("kubernetes", "k8s.io/kubernetes", "v1.36.3", {}, 1)
    assert gobuild.own_go_mod(module, theirs).splitlines() == [
        "module kindlocal/kubernetes",
        "require k8s.io/kubernetes v1.36.3",
        "go 1.26.0",
        "godebug default=go1.26",
        "replace k8s.io/api => k8s.io/api v0.36.3",
    ]


def test_an_archive_is_an_image_and_always_the_same(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    paths = [tmp_path / "a.tar", tmp_path / "b.tar"]
    for path in paths:
        archive.write(
            path, "a/b:1", ["/bin/program"], "1:1", {"/bin/program": program}, {"/bin/p": "/bin/program"}
        )
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "b.tar", "program"]
    with tarfile.open(paths[0]) as tar:
        members = {one.name: content.read() for one in tar if (content := tar.extractfile(one))}
    (manifest,) = json.loads(members["manifest.json"])
    config = json.loads(members[manifest["Config"]])
    layer = members[manifest["Layers"][0]]
    digest = hashlib.sha256(layer).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        entries = {one.name: (one.mode, one.uid, one.linkname) for one in tar}
    assert manifest["RepoTags"] == ["a/b:1"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert (config["config"]["User"], config["config"]["Entrypoint"]) == ("1:1", ["/bin/program"])
    assert entries["bin/program"] == (0o755, 0, "")
    assert entries["bin/p"] == (0o777, 0, "/bin/program")
    assert entries["tmp"][0] == 0o1777


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("1:1.35.0-4+deb12u1+b1", "1.35.0"), ("0.25.0-1+b4", "0.25.0"), ("2.5", "2.5"), ("1:2.5", "2.5")],
)
def test_upstream_versions(version: str, upstream: str) -> None:
    assert debian.upstream(version) == upstream


def test_durations_and_unknown_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (build.duration(271), build.duration(3.21), build.usual(5), build.usual(0.5)) == (
        *("4 m 31 s", "3.2 s"),
        *("5 min", "30 s"),
    )
    monkeypatch.setenv("KINDLOCAL_CACHE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["kindlocal-build", "kubernetis"])
    with pytest.raises(
        SystemExit, match="nothing is called 'kubernetis': choose from packages kubernetes etcd"
    ):
        build.main()


def test_a_build_that_is_told_to_end_takes_its_compiler_along(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pid")
    program = (
        "import sys; from kindlocal import build; from kindlocal.processes import run\n"
        # It speaks once it is surely waited for: a signal that comes while it is being started misses it.
        f"compiler = 'sleep 1; echo $$ >{tmp_path}/pid; exec sleep 600'\n"
        "build.steps = lambda: {'etcd': lambda: run('sh', '-c', compiler)}\n"
        "sys.argv = ['kindlocal-build', 'etcd']; build.main()"
    )
    env = {**os.environ, "KINDLOCAL_CACHE": str(tmp_path)}
    command = subprocess.Popen([sys.executable, "-c", program], env=env)
    compiler = os.pidfd_open(int((tmp_path / "pid").read_text()))
    command.send_signal(signal.SIGTERM)
    assert command.wait(20) == 128 + signal.SIGTERM
    assert select.select([compiler], [], [], 10)[0], "the compiler lives on"
    os.close(compiler)
