"""What a node sees of the host."""

from pathlib import Path

from kindlocal.node import to_unmount


def test_a_node_keeps_only_the_mounts_it_needs() -> None:
    points = [
        "/",
        "/proc",
        "/sys",
        "/sys/fs/cgroup",
        "/dev",
        "/dev/shm",
        "/home",
        "/home/a/disk",
        "/mnt",
        "/devices",
    ]
    wanted = [Path("/home/a/project/.venv"), Path("/dev/shm/kindlocal")]
    assert to_unmount(points, wanted) == ["/devices", "/mnt", "/home/a/disk"]
