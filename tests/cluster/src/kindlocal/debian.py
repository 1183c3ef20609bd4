"""Debian packages: what is missing, installing it, and files out of packages that are not installed."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kindlocal.errors import KindlocalError
from kindlocal.processes import run


def missing(packages: Sequence[str]) -> list[str]:
    """Those that are not installed.

    Raises KindlocalError where there is no dpkg.
    """
    try:
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *packages],
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise KindlocalError(
            f"this is not Debian (no dpkg); install what these packages have: {packages}"
        ) from None
    return [name for name in packages if f"installed {name}" not in done.stdout.splitlines()]


def install(packages: Sequence[str]) -> None:
    """Install packages.

    Raises KindlocalError when not root, with the command to run, or when apt-get fails.
    """
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
    if os.geteuid() != 0:
        raise KindlocalError(
            f"Debian packages are missing: as root, run: apt-get install {' '.join(packages)}"
        )
    command += ["-o", "DPkg::Lock::Timeout=300", *packages]  # another apt-get may be at work
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "-q"], command):
        done = subprocess.run(step, env=environment, capture_output=True, text=True)
        if done.returncode:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise KindlocalError(f"`{' '.join(step)}` failed: {' '.join(words)}")


@contextmanager
def unpacked(package: str) -> Iterator[tuple[Path, str]]:
    """A package's files in a folder for the while, and its upstream version, such as 1.35.0.

    Raises KindlocalError when it cannot be fetched.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Not installed: it might start a daemon, or push out another package.
        done = subprocess.run(
            ["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True
        )
        archives = list(Path(folder).glob("*.deb"))
        if done.returncode or not archives:
            raise KindlocalError(
                f"`apt-get download {package}` failed: {done.stderr.strip()} (try apt-get update)"
            )
        version = run("dpkg-deb", "-f", archives[0], "Version").strip()
        root = Path(folder) / "root"
        run("dpkg-deb", "-x", archives[0], root)
        yield root, upstream(version)


def upstream(version: str) -> str:
    """``1:1.35.0-4+deb12u1`` is 1.35.0 (deb-version(7))."""
    version = version.rpartition(":")[2]
    return version.rpartition("-")[0] or version


def libraries(program: Path) -> list[Path]:
    """The shared libraries that a program is linked with; none when it is static."""
    lines = run("ldd", program, check=False).splitlines()
    words = [word for line in lines for word in line.split()]
    return [Path(word) for word in words if word.startswith("/") and Path(word) != program]
