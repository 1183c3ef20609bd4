"""A cluster's control groups: in every hierarchy of version 1, or in the one of version 2."""

import os
from functools import partial
from pathlib import Path

from kindlocal.processes import wait_for

MOUNT = Path("/sys/fs/cgroup")
WEIGHT = 8
"""CPU of all clusters together, in shares of one process beside them: they stand for machines. As little as
one process, pods wait for whoever asks them, and what a test or benchmark measures is its own client."""
USUAL = {"cpu.shares": 1024, "cpu.weight": 100}
"""What everybody else has, in versions 1 and 2."""


def hierarchies() -> list[Path]:
    """Where groups can be made. In a hybrid set-up runc uses the empty version 2 hierarchy as well."""
    if (MOUNT / "cgroup.controllers").exists():
        return [MOUNT]
    return sorted(file.parent for file in MOUNT.glob("*/cgroup.procs"))


def make(group: str) -> None:
    """Make the group ``group/system`` everywhere: the node's own processes; pods get groups beside it."""
    for root in hierarchies():
        path = root
        for part in [*group.split("/"), "system"]:
            parent, path = path, path / part
            _delegate(parent)
            path.mkdir(exist_ok=True)
            if parent == root:
                _weigh(path)
            if root.name == "cpuset":
                _fill(path, parent)


def _delegate(parent: Path) -> None:
    """Version 2: a group hands its controllers down only when told to."""
    controllers = parent / "cgroup.controllers"
    if controllers.exists():
        wanted = " ".join(f"+{name}" for name in controllers.read_text().split())
        (parent / "cgroup.subtree_control").write_text(wanted)


def _weigh(path: Path) -> None:
    for name, usual in USUAL.items():
        if (path / name).exists():
            (path / name).write_text(str(WEIGHT * usual))


def _fill(path: Path, parent: Path) -> None:
    """Version 1: a new cpuset is empty and takes no task."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (path / name).read_text().strip():
            (path / name).write_text((parent / name).read_text())


def enter(group: str) -> None:
    """Move this process into ``group/system`` everywhere."""
    for root in hierarchies():
        (root / group / "system" / "cgroup.procs").write_text("0")


def remove(group: str) -> None:
    """Remove the group and all below, and the parent that the last cluster leaves empty.

    Raises KindlocalError when a process in it does not end.
    """
    for root in hierarchies():
        for path, _, _ in os.walk(root / group, topdown=False):
            # Busy until the kernel has taken leave of the last killed task.
            wait_for(partial(_removed, Path(path)), 10, f"the cgroup {path} is still in use")
        _removed((root / group).parent)


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
