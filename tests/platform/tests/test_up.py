import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest
from shop_platform import up
from shop_platform.kind import Tools
from shop_platform.platform import PORTS, Platform
from shop_platform.process import Failure

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A local platform whose programs are there, kind knowing no cluster."""
    for name in ("kind", "kubectl", "helm"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(up, "answers", lambda host, port: False)
    return Platform(tools=Tools(tmp_path / "kind", tmp_path / "kubectl", tmp_path / "helm", "buildah"))


def test_a_good_machine_passes(platform):
    up.check(platform)


def test_the_local_node_needs_root(platform, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Failure, match=r"needs root.*sudo"):
        up.check(platform)


def test_a_full_disk_is_named_with_what_is_needed(platform, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100 << 30, 98 << 30, 2 << 30))
    with pytest.raises(Failure, match=r"has 2\.0 GiB free; 6 are needed"):
        up.check(platform)


def test_busy_ports_are_named_with_what_they_are_for(platform, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setitem(PORTS, "catalog", port)
        with pytest.raises(Failure, match=rf"{port} \(catalog\)"):
            up.check(platform)


def test_ports_of_a_cluster_that_is_there_are_its_own(platform, monkeypatch):
    Path(platform.tools.kind).write_text("#!/bin/sh\necho shop\n")
    monkeypatch.setattr(up, "answers", lambda host, port: True)
    up.check(platform)


def test_down_says_what_stays_and_how_to_remove_it(platform):
    told = "\n".join(command for _, command in up.kept(platform))
    assert "buildah rmi" in told
    assert "rm -rf" in told
