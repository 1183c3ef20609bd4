"""``kind load``: images from buildah, docker or an archive into a node."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from kindlocal.cluster import Cluster
from kindlocal.errors import KindlocalError
from kindlocal.paths import tool
from kindlocal.processes import run

Say = Callable[[str], None]


def full_name(image: str) -> str:
    """``shop`` as the kubelet says it: ``docker.io/library/shop:latest``."""
    head, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif not re.search(r"[.:]", head) and head != "localhost":
        image = f"docker.io/{image}"
    return image if re.search(r"[:@][^/]*$", image) else f"{image}:latest"


class Docker:
    """Images of a running dockerd."""

    @staticmethod
    def id(image: str) -> str:
        """The image's id without ``sha256:``, or nothing."""
        return (
            run("docker", "image", "inspect", "-f", "{{.Id}}", image, check=False)
            .strip()
            .removeprefix("sha256:")
        )

    @staticmethod
    def archive(image: str) -> list[str]:
        """A command that writes a docker archive."""
        return [tool("docker"), "save", image]


class Buildah:
    """Images of buildah, in the store and with the driver that containers-storage is set up for."""

    @staticmethod
    def id(image: str) -> str:
        """The image's id, or nothing."""
        return run(
            "buildah", "inspect", "--type", "image", "-f", "{{.FromImageID}}", image, check=False
        ).strip()

    @staticmethod
    def archive(image: str) -> list[str]:
        """A command that writes a docker archive."""
        return [tool("buildah"), "push", "-q", image, f"docker-archive:/dev/stdout:{full_name(image)}"]


def source() -> Docker | Buildah:
    """Where images come from here: docker if its daemon runs, else buildah.

    Raises KindlocalError when neither is there.
    """
    if shutil.which("docker") and run("docker", "version", "-f", "{{.Server.Version}}", check=False).strip():
        return Docker()
    tool("buildah")
    return Buildah()


def ctr(to: Cluster, *args: str | Path) -> str:
    """containerd's own client, in the namespace where the kubelet looks for images."""
    return run("ctr", "-a", to.socket, "-n", "k8s.io", *args)


def load_images(to: Cluster, names: Sequence[str], say: Say) -> None:
    """Copy images that the node does not have yet, and name them there.

    Raises KindlocalError when one is not present locally.
    """
    store = source()
    ids = {name: store.id(name) for name in dict.fromkeys(names)}
    for name, its in ids.items():
        if not its:
            raise KindlocalError(f'image: "{name}" not present locally')
    for name, its in ids.items():
        if loaded_id(to, full_name(name)) == its:
            say(f'Image: "{name}" with ID "sha256:{its}" found to be already present on all nodes.')
        else:
            say(f'Image: "{name}" with ID "sha256:{its}" not yet present on node "{to.node}", loading...')
            _pipe(to, store.archive(name))


def loaded_id(to: Cluster, reference: str) -> str:
    """The id of the image that the node knows by that name, or nothing."""
    for line in ctr(to, "images", "ls").splitlines():
        name, _, digest, *_ = line.split()
        if name == reference:
            manifest = json.loads(ctr(to, "content", "get", digest))
            return str(manifest.get("config", {}).get("digest", "")).removeprefix("sha256:")
    return ""


def _pipe(to: Cluster, command: list[str]) -> None:
    # A pipe, not a file: half the time.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as saving:
        run("ctr", "-a", to.socket, "-n", "k8s.io", "images", "import", "-", stdin=saving.stdout)
        _, words = saving.communicate()
    if saving.returncode:
        raise KindlocalError(f"`{' '.join(command)}` failed: {words.decode(errors='replace').strip()}")


def load_archives(to: Cluster, archives: Sequence[str]) -> None:
    """Import docker or OCI archives.

    Raises KindlocalError when a file is not there or is no archive.
    """
    for archive in archives:
        if not Path(archive).exists():
            raise KindlocalError(f"stat {archive}: no such file or directory")
    for archive in archives:
        ctr(to, "images", "import", archive)
