"""Everything that clusters have on the host, counted."""

import subprocess
from pathlib import Path

from kindlocal import cgroups, cluster
from kindlocal.paths import state


def lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return found


def of(name: str) -> dict[str, list[str]]:
    """What there is of the cluster of that name, by kind; of its addresses as well, if it was the first."""
    own, place = f"{state()}/{name}/", cluster.Cluster(name, 0)
    found = {
        "processes": [
            line for line in command_lines() if own in line or line.endswith(f"kindlocal.node {name} ")
        ],
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if own in line],
        "cgroups": [str(root) for root in cgroups.hierarchies() if (root / place.cgroup).exists()],
        "files": [str(path) for path in state().glob(name)],
    }
    return {kind: what for kind, what in found.items() if what}


def of_the_machine() -> dict[str, list[str]]:
    """What must be the same before and after, whoever made it."""
    return {
        "links": sorted(line.split()[0] for line in lines("ip", "-br", "link")),
        "routes": sorted(
            line for line in lines("ip", "-4", "route") if not line.startswith("unreachable 10.1")
        ),
        "rules": lines("iptables-save"),
        "cgroups": sorted(str(path) for root in cgroups.hierarchies() for path in root.glob("kindlocal/*")),
        "listeners": sorted(line.split()[3] for line in lines("ss", "-Hltn")),
    }
