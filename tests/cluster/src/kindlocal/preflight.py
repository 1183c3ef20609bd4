"""Everything that `create` needs of the machine, checked before anything is made."""

import os
import shutil
from pathlib import Path

from kindlocal.components import CNI_PLUGINS
from kindlocal.errors import KindlocalError
from kindlocal.node import REPLACED, needed
from kindlocal.paths import PACKAGE_OF, binary, cache, cache_table, state
from kindlocal.pins import NODE_IMAGES

TOOLS = ("openssl", "unshare", "mount", "ip", "iptables", "iptables-restore", "containerd", "ctr", "runc")
BINARIES = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("kube-proxy", "kubelet"),
)
PLUGINS = ("ptp", "host-local", "portmap", "loopback")
MEMORY = 1536  # MiB: an idle node takes 860, the images in memory 300
"""What must be free."""


def root() -> None:
    """Raises KindlocalError for anybody else."""
    if os.geteuid() != 0:
        raise KindlocalError(
            "this needs root, for namespaces and network links: run it as root (sudo -E keeps your variables)"
        )


def check() -> None:
    """Raises KindlocalError with what is missing and what to do."""
    root()
    _programs()
    for name in BINARIES:
        binary(name)
    images = cache_table("images.json")
    for image in NODE_IMAGES:
        if image.name not in images or not (cache() / images[image.name]["archive"]).exists():
            raise KindlocalError(f"the image {image.name} is not in {cache()}/images: run `kindlocal-build`")
    for place in needed():
        if any(place.is_relative_to(name) for name in REPLACED):
            raise KindlocalError(
                f"{place} is below {' or '.join(REPLACED)}, which a node replaces by its own: move it "
                "(KINDLOCAL_STATE, KINDLOCAL_CACHE, or the folder of this project)"
            )
    _room()


def _programs() -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
    missing = [name for name in TOOLS if not shutil.which(name, path=path)]
    packages = {PACKAGE_OF[name] for name in missing}
    if not all((CNI_PLUGINS / name).exists() for name in PLUGINS):
        missing.append("CNI plugins")
        packages.add("containernetworking-plugins")
    if missing:
        raise KindlocalError(f"missing: {', '.join(missing)}: apt-get install {' '.join(sorted(packages))}")


def _room() -> None:
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    memory = int(fields["MemAvailable"].split()[0]) // 1024
    if memory < MEMORY:
        raise KindlocalError(f"too little memory: {MEMORY} MiB must be free, found {memory} MiB")
    state().mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(state()).free >> 20
    if disk < MEMORY:
        raise KindlocalError(
            f"too little room in {state()}: {MEMORY} MiB must be free, found {disk} MiB "
            "(KINDLOCAL_STATE may name another place)"
        )
