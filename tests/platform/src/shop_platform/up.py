"""`up`: from whatever is there to a shop that answers; each step does only what is missing or has changed."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shop_platform import demo, toolchain
from shop_platform.paths import build_cache, own_cache
from shop_platform.platform import CLUSTER, PORTS, SHOP, Platform, answers
from shop_platform.process import Failure
from shop_platform.progress import Steps

DISK = 6  # GiB for images and their layers
NODE = 3  # GiB for what the local node keeps, in memory unless told otherwise


def check(platform: Platform) -> None:
    """What would fail later fails here, before anything is made. Raises Failure."""
    if platform.tools.local and os.geteuid() != 0:
        raise Failure(
            "the local cluster needs root (namespaces): run `sudo -E make up`, or install Docker and kind"
        )
    room = {own_cache(): DISK}
    if platform.tools.local:
        room[state_folder()] = NODE
    for place, needed in room.items():
        free = shutil.disk_usage(place).free / 2**30
        if free < needed and not platform.exists():
            raise Failure(f"{place} has {free:.1f} GiB free; {needed} are needed")
    if not platform.tools.missing() and not platform.exists():
        busy = [f"{port} ({name})" for name, port in PORTS.items() if answers("127.0.0.1", port)]
        if busy:
            raise Failure(
                f"in use on this machine: port {', '.join(busy)}; `ss -ltnp` says by what, end that first"
            )


def state_folder() -> Path:
    """Where the local node keeps its state, or what there is of that path."""
    path = Path(os.environ.get("KINDLOCAL_STATE", "/dev/shm"))
    return next(folder for folder in (path, *path.parents) if folder.exists())


def up(console: Console) -> None:
    """Brings everything up, tries it, and says how to go on. Raises Failure."""
    platform = Platform()
    check(platform)
    if platform.tools.missing():
        console.print("first, the programs that all this needs (once):")
    toolchain.ensure(tests=False)
    steps = Steps(console)
    platform.add_steps(steps)
    steps.add("seed", platform.seed, after=["services"])
    try:
        total = steps.finish()
    except KeyboardInterrupt:
        raise Failure("interrupted: `make up` goes on from here, `make down` removes everything") from None
    console.print(
        f"ready in {total:.0f} s: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in steps.times())
    )
    console.print()
    with ThreadPoolExecutor(1) as pool:
        catalogue = pool.submit(platform.seed_all)
        for line in demo.tour(platform):
            console.print(f"  {line}")
        console.print(f"  the whole catalogue, drawn: {catalogue.result()}")
    console.print()
    console.print(addresses(platform))


def addresses(platform: Platform) -> Table:
    """What to open and what to try."""
    table = Table(box=None, pad_edge=False, show_header=False)
    look = f"kubectl --context kind-{CLUSTER} -n {SHOP} get"
    table.add_row("the shop", platform.url("storefront"))
    table.add_row("its mails", platform.url("mailbox"))
    table.add_row("its admin area", f"{platform.url('storefront')}/admin, for who is in this Secret:")
    login = "-o go-template='{{range .data}}{{base64decode .}} {{end}}'"
    table.add_row("", f"{look} secret shop-admin {login}")
    table.add_row("catalog", f"{platform.url('catalog')}/products, API: {platform.url('catalog')}/docs")
    for name in [name for name in PORTS if name not in ("storefront", "catalog", "prometheus")]:
        table.add_row(name, f"{platform.url(name)}/docs")
    table.add_row("Prometheus", platform.url("prometheus"))
    table.add_row("look", f"make status; {look} shop")
    table.add_row("scale", "make load")
    table.add_row("remove", "make down")
    return table


def down(console: Console) -> None:
    """Removes the cluster; what can be used again stays and is named. Raises Failure."""
    platform = Platform()
    missing = platform.tools.missing()
    if platform.tools.kind.name not in missing and platform.exists():
        platform.delete()
        console.print("removed: the cluster with all its data, and its kubeconfig entries")
    else:
        console.print("there is no cluster")
    console.print("kept, so that the next `make up` is quick; to remove them too:")
    for what, command in kept(platform):
        console.print(f"  {what:<34}{command}")


def kept(platform: Platform) -> list[tuple[str, str]]:
    """(what stays after `down`, the command that removes it)."""
    names = "images shop/*"
    if platform.tools.local:
        return [
            ("built programs and addon images", f"rm -rf {build_cache()}"),
            ("archives of images", f"rm -rf {own_cache()}"),
            (f"{names} and build layers", "buildah rmi --all"),
        ]
    return [(names, "docker rmi $(docker images -q 'shop/*')")]
