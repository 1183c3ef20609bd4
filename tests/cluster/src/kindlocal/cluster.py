"""What a cluster is called, where its files and addresses are, and which clusters there are."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kindlocal import processes
from kindlocal.errors import KindlocalError
from kindlocal.paths import state

COUNT = 64
"""How many clusters the addresses suffice for: cluster i has 10.(128+i).0.0/16."""


@dataclass(frozen=True)
class Cluster:
    """A cluster of one node; ``index`` decides its addresses."""

    name: str
    index: int

    @property
    def folder(self) -> Path:
        """Everything that belongs to it."""
        return state() / self.name

    @property
    def node(self) -> str:
        """The node's name, as kind names it."""
        return f"{self.name}-control-plane"

    @property
    def context(self) -> str:
        """The name of context, cluster and user in a kubeconfig."""
        return f"kind-{self.name}"

    @property
    def cgroup(self) -> str:
        """Path below each cgroup hierarchy."""
        return f"kindlocal/{self.name}"

    @property
    def link(self) -> str:
        """The host's end of the one cable to the node."""
        return f"kl{self.index}"

    @property
    def network(self) -> str:
        """All of its addresses."""
        return f"10.{128 + self.index}.0.0/16"

    @property
    def pods(self) -> str:
        """Addresses of pods."""
        return f"10.{128 + self.index}.0.0/24"

    @property
    def services(self) -> str:
        """Addresses of Services."""
        return f"10.{128 + self.index}.96.0/20"

    @property
    def api_address(self) -> str:
        """The Service `kubernetes`: the first of them."""
        return f"10.{128 + self.index}.96.1"

    @property
    def dns_address(self) -> str:
        """The Service `kube-dns`."""
        return f"10.{128 + self.index}.96.10"

    @property
    def host_address(self) -> str:
        """The host, as the node sees it."""
        return f"10.{128 + self.index}.255.1"

    @property
    def node_address(self) -> str:
        """The node."""
        return f"10.{128 + self.index}.255.2"

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.node_address}:6443"

    @property
    def socket(self) -> Path:
        """Containerd's socket: on a file system that host and node share, so the host needs no nsenter."""
        return self.folder / "containerd.sock"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    @property
    def init_pid(self) -> int | None:
        """The node's first process, by the host's count, while it runs."""
        return processes.recall(self.folder / "init.pid")

    @property
    def half_made(self) -> bool:
        """A `create` began it and was killed before it could finish or clean up."""
        if (self.folder / "ready").exists():
            return False
        try:
            with open(self.folder / "creating") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            pass
        return True


def valid_name(name: str) -> bool:
    """Whether kind would take the name and the node's name is a valid host name (63 characters)."""
    return (
        bool(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name)) and len(name) <= 49 and ".." not in name
    )


def find(name: str) -> Cluster | None:
    """The cluster of that name."""
    if not valid_name(name):
        return None
    try:
        return Cluster(name, int((state() / name / "index").read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None


def everyone() -> list[Cluster]:
    """All clusters, by name."""
    names = sorted(path.parent.name for path in state().glob("*/index"))
    return [cluster for name in names if (cluster := find(name))]


@contextmanager
def locked() -> Iterator[None]:
    """Choosing a name and an index is for one at a time."""
    state().mkdir(parents=True, exist_ok=True)
    with open(state() / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def claim(name: str, index: int) -> tuple[Cluster, int]:
    """Make the cluster's folder; the file descriptor, while open, says that somebody is at work on it."""
    cluster = Cluster(name, index)
    shutil.rmtree(cluster.folder, ignore_errors=True)  # without an index: a claim that was killed
    cluster.folder.mkdir(mode=0o700)
    creating = os.open(cluster.folder / "creating", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(creating, fcntl.LOCK_EX)
    (cluster.folder / "index").write_text(str(index))
    return cluster, creating


def existing(name: str) -> Cluster:
    """The cluster of that name.

    Raises KindlocalError when there is none.
    """
    cluster = find(name)
    if not cluster:
        raise KindlocalError(
            f"could not locate any control plane nodes for cluster named '{name}'. "
            "Use the --name option to select a different cluster"
        )
    return cluster
