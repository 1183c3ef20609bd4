"""Which programs run the cluster: kind with Docker where both work, otherwise the local node that stands in.

Everything else calls `kind`, `kubectl`, `helm` and the image builder as it finds them here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from shop_platform.paths import build_cache
from shop_platform.process import succeeds

Builder = Literal["docker", "buildah"]


@dataclass(frozen=True)
class Tools:
    """The programs in use; whether each is there yet is for `missing` to say."""

    kind: Path
    kubectl: Path
    helm: Path
    builder: Builder

    @property
    def local(self) -> bool:
        """Whether the cluster is the local node: no images can be pulled and its binaries are built here."""
        return self.builder == "buildah"

    def missing(self) -> list[str]:
        """Names of the programs that are not there."""
        paths = [self.kind, self.kubectl, self.helm]
        return [path.name for path in paths if not path.exists()]


def decide(
    which: Callable[[str], str | None], docker_runs: Callable[[], bool], built: Path, scripts: Path
) -> Tools:
    """The choice itself: `built` holds binaries made from modules, `scripts` this environment's commands."""

    def found(name: str) -> Path:
        return Path(which(name) or built / name)

    kind = which("kind")
    if kind and which("docker") and docker_runs():
        return Tools(Path(kind), found("kubectl"), found("helm"), "docker")
    # The local node's own kubectl and helm: pinned, whatever PATH has.
    return Tools(scripts / "kindlocal", built / "kubectl", built / "helm", "buildah")


@cache
def find_tools() -> Tools:
    """The programs of this machine."""
    docker_runs = lambda: succeeds(["docker", "version", "--format", "{{.Server.Version}}"])  # noqa: E731
    return decide(shutil.which, docker_runs, build_cache() / "bin", Path(sys.executable).parent)
