"""Which `kind` and `kubectl` the tests drive: real kind where it and Docker are there, else this package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def _docker_runs() -> bool:
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(["docker", "info"], capture_output=True).returncode
    )


def kind_program() -> str:
    real = shutil.which("kind")
    return real if real and _docker_runs() else str(Path(sys.executable).with_name("kindlocal"))


def cache() -> Path:
    return Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache" / "kindlocal")


def pytest_configure(config: pytest.Config) -> None:
    """Plain `pytest` works: without these pytest-kind would download both."""
    built = cache() / "bin" / "kubectl"
    config.option.kind_bin = config.option.kind_bin or kind_program()
    config.option.kind_kubectl_bin = config.option.kind_kubectl_bin or (
        str(built) if built.exists() else shutil.which("kubectl")
    )


@pytest.fixture(scope="session")
def local() -> None:
    """For what only the local node promises."""
    if not kind_program().endswith("kindlocal"):
        pytest.skip("real kind is in use")


@pytest.fixture(scope="session")
def builder() -> str:
    """The program whose images `load docker-image` takes."""
    return "docker" if _docker_runs() else "buildah"
