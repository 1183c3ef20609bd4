"""The machine's store of container images: building into it with docker or buildah."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shop_platform.kind import Builder
from shop_platform.process import run

# Settings of the environment that a build may need; arguments of build stages, so never part of an image.
PASSED = ("SSL_CERT_FILE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Store:
    """docker's or buildah's images; names as `shop/catalog:dev-0123abcd`."""

    builder: Builder

    def names(self) -> list[str]:
        """Names of all images that are there, the newest first."""
        if self.builder == "docker":  # lists them so
            return run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        listed = json.loads(run(["buildah", "images", "--json"]) or "null") or []
        newest = sorted(listed, key=lambda image: image["created"], reverse=True)
        names = [name for image in newest for name in image.get("names") or []]
        return [name.removeprefix("localhost/").removeprefix("docker.io/") for name in names]

    def build(
        self,
        name: str,
        dockerfile: Path,
        context: Path,
        *,
        args: Mapping[str, str] | None = None,
        target: str | None = None,
        layers: bool = True,
    ) -> None:
        """Builds an image; with `layers` each step is kept, so that the next build can start from it.

        Raises Failure with the last lines of the build.
        """
        environment = {key: os.environ[key] for key in PASSED if os.environ.get(key)}
        words = ["--file", str(dockerfile), "--tag", name]
        for key, value in {**environment, **(args or {})}.items():
            words += ["--build-arg", f"{key}={value}"]
        if target:
            words += ["--target", target]
        if self.builder == "docker":
            run(["docker", "build", "--quiet", *words, str(context)], env={"DOCKER_BUILDKIT": "1"})
            return
        # chroot: steps need no more rights than this process; the certificates are the host's, in place.
        words += ["--isolation", "chroot", "--network", "host", f"--layers={str(layers).lower()}"]
        certificates = environment.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
        if Path(certificates).exists():
            words += ["--volume", f"{certificates}:{certificates}:ro"]
        ignore = dockerfile.with_name(dockerfile.name + ".dockerignore")
        if ignore.exists():
            words += ["--ignorefile", str(ignore)]
        run(["buildah", "build", "--quiet", *words, str(context)])

    def tag(self, name: str, other: str) -> None:
        """Gives an image a second name."""
        run([self.builder, "tag", name, other])

    def remove(self, name: str) -> None:
        """Removes an image; one that something is made from stays until that goes. Raises Failure."""
        run([self.builder, "rmi", name])

    def pull(self, name: str) -> None:
        """Fetches an image from its registry."""
        run([self.builder, "pull", "--quiet", name])
