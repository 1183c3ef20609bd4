"""`tools`: the programs that the cluster and the tests need, installed or built where they are missing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from shop_platform.kind import Tools, find_tools
from shop_platform.process import Failure, run

# A program that shows that a package is there, and the package.
TESTS = {
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
    "/usr/bin/redis-server": "redis-server",
    "/usr/bin/jq": "jq",
    "/usr/bin/chromium": "chromium",  # of the storefront's pages
}
MODULES = ("metrics-server", "keda", "prometheus-operator", "prometheus", "nats-server", "versitygw")
SOURCES = [f"source-{name}" for name in MODULES]
# Built for the tests alone: what stands in for systems elsewhere.
STAND_INS = ("stripe-mock", "versitygw")
LOCAL = {"/usr/bin/buildah": "buildah", "/usr/bin/mmdebstrap": "mmdebstrap"}
# Servers are for tests to start, on ports of their own: none starts with the machine, no database is made.
POLICY = Path("/usr/sbin/policy-rc.d")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/none.conf")


def missing_packages(tools: Tools, *, tests: bool) -> list[str]:
    """Debian packages that are not there; those of the tests only for `tests`."""
    wanted = {**(TESTS if tests else {}), **(LOCAL if tools.local else {})}
    return [package for program, package in wanted.items() if not Path(program).exists()]


def ensure(*, tests: bool = True) -> None:
    """Installs packages and builds programs; nothing to do takes less than a second. Raises Failure."""
    tools = find_tools()
    if packages := missing_packages(tools, tests=tests):
        install(packages)
    if tools.local:
        build([])
    else:
        # Beside kind only the clients that are missing, and the sources with the addons' manifests.
        clients = {"kubectl": "kubernetes", "helm": "helm"}
        lacking = [module for client, module in clients.items() if client in tools.missing()]
        build([*lacking, *SOURCES, *(STAND_INS if tests else ())])


def install(packages: list[str]) -> None:
    """Installs Debian packages without starting a server; raises Failure."""
    words = " ".join(packages)
    if os.geteuid() != 0:
        raise Failure(f"missing Debian packages: run as root, or once: apt-get install {words}")
    if not shutil.which("apt-get"):
        raise Failure(f"missing: {words}; this machine has no apt-get, install them by its own means")
    print(f"installing {words}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    had_policy = POLICY.exists()
    try:
        if not had_policy:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)
        NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        NO_CLUSTER.write_text("create_main_cluster = false\n")
        run(["apt-get", "update", "-q"], env=quiet)
        run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=quiet)
    finally:
        if not had_policy:
            POLICY.unlink(missing_ok=True)


def build(names: list[str]) -> None:
    """Runs kindlocal-build, whose lines of progress are shown as they come; raises Failure."""
    program = Path(sys.executable).parent / "kindlocal-build"
    try:
        run([program, *names], shown=True)
    except Failure as failure:
        *before, last = failure.detail.splitlines() or [str(failure)]
        raise Failure(last.removeprefix("ERROR: "), failure.detail if before else "") from None
