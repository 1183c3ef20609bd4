"""The node's first process: pid 1 of its namespaces. Its end is the end of everything in them.

Run by kindlocal.lifecycle as ``python -m kindlocal.node NAME`` inside new net, mount, uts and pid namespaces.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import kindlocal
from kindlocal import cgroups, network, processes
from kindlocal.api import Api
from kindlocal.cluster import Cluster, existing
from kindlocal.components import FIRST, commands
from kindlocal.paths import cache, state
from kindlocal.processes import run, wait_for

SHARED = ("/proc", "/sys", "/dev")
REPLACED = ("/var", "/run")


def needed() -> list[Path]:
    """What the node must still see of the host's files."""
    places = [
        state(),
        cache() / "bin",
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(kindlocal.__file__).parent,
    ]
    return [place.resolve() for place in places]


def to_unmount(points: Iterable[str], wanted: Iterable[Path]) -> list[str]:
    """Of a list of mount points, those that the node does without, the last mounted first."""
    above = {str(parent) for path in wanted for parent in (path, *path.parents)}
    return [
        point
        for point in reversed(list(points))
        if point not in above and not any(point == kept or point.startswith(kept + "/") for kept in SHARED)
    ]


def arrange_mounts(cluster: Cluster) -> None:
    """Leave the host's mounts (they would stay busy for it) and get a /proc, /run and /var of our own."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # Spaces in a path are written as \040 (proc(5)).
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    for point in to_unmount(points, needed()):
        run("umount", "-l", point, check=False)
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("mount", "--bind", cluster.folder / "var", "/var")
    run(
        "mount", "--make-rshared", "/"
    )  # what pods with mountPropagation expect; peers stay in this namespace
    Path("/run/netns").mkdir()


class Programs:
    """The node's programs, started in two steps and started again when one falls."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.commands = commands(cluster)
        self.running: dict[int, str] = {}

    def start(self, name: str) -> None:
        """Start one; its output goes to ``logs/NAME.log``."""
        with open(self.cluster.folder / "logs" / f"{name}.log", "a") as log:
            process = subprocess.Popen(
                self.commands[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.running[process.pid] = name

    def start_all(self) -> None:
        """Start the first ones now and the others when the API server is ready."""
        for name in FIRST:
            self.start(name)
        threading.Thread(target=self._start_rest, daemon=True).start()

    def _start_rest(self) -> None:
        api = Api("127.0.0.1", self.cluster.pki, "admin")
        wait_for(api.ready, 120, "the API server is not ready")
        for name in self.commands:
            if name not in FIRST:
                self.start(name)

    def reap(self) -> None:
        """Wait for ever: for programs that fall, and for orphans (containerd's shims) that come to pid 1."""
        while True:
            pid, status = os.wait()
            if name := self.running.pop(pid, None):
                now = time.strftime("%T")
                print(f"{now} {name} ended with status {status}, starting it again", flush=True)
                threading.Timer(1, self.start, [name]).start()


def main() -> None:
    """Become the node."""
    cluster = existing(sys.argv[1])
    pid = int(os.readlink("/proc/self"))  # still the host's /proc: the pid by the host's count
    cgroups.enter(cluster.cgroup)
    os.chdir("/")
    processes.remember(cluster.folder / "init.pid", pid)
    arrange_mounts(cluster)
    socket.sethostname(cluster.node)
    # The host pushes the cable in. (/sys is still the host's, /proc is ours.)
    wait_for(Path("/proc/sys/net/ipv4/conf/eth0").exists, 30, "no network interface", 0.02)
    network.configure_node(cluster)
    programs = Programs(cluster)
    programs.start_all()
    programs.reap()


if __name__ == "__main__":
    main()
