"""The command line behind `make up`, `down`, `status` and `load`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from rich.text import Text

from shop_platform.platform import Platform
from shop_platform.process import Failure, terminate_all
from shop_platform.progress import console


def up(out: Console) -> None:
    """a cluster with the operator, the shop and everything they need"""
    from shop_platform.up import up

    up(out)


def down(out: Console) -> None:
    """removes all of it"""
    from shop_platform.up import down

    down(out)


def status(out: Console) -> None:
    """one screen: what runs, how much of it, how it does"""
    from shop_platform.observe import observe
    from shop_platform.status import show

    show(out, observe(existing().kubectl))


def load(out: Console) -> None:
    """drives catalog until it scales, shows how, and lets it shrink again"""
    from shop_platform.load import drive

    out.print(asyncio.run(drive(existing(), out)))


def images(out: Console) -> None:
    """builds the images of the sources as they are and prints their names"""
    from shop_platform.images import plan

    planned = plan()
    Platform().images(planned, out.print)
    for name, image in planned.all.items():
        out.print(f"{name}: {image}")


def addons(out: Console) -> None:
    """installs the addons on the cluster"""
    existing().addons()


def tools(out: Console) -> None:
    """Debian packages and programs that the cluster and the tests need"""
    from shop_platform.toolchain import ensure

    ensure()


def generate(out: Console) -> None:
    """writes the files that are generated from others: charts/shop/files, manifests"""
    from shop_platform.generate import everything

    for path in everything():
        out.print(f"updated {path}")


COMMANDS: dict[str, Callable[[Console], None]] = {
    one.__name__: one for one in (up, down, status, load, images, addons, tools, generate)
}


def existing() -> Platform:
    """The platform on the cluster that is there; raises Failure when there is none."""
    platform = Platform()
    if platform.tools.missing() or not platform.exists():
        raise Failure(f"there is no cluster {platform.name}: run `make up`")
    return platform


def _terminated(signum: int, frame: FrameType | None) -> None:
    terminate_all()  # on ^C the terminal has told them too
    raise KeyboardInterrupt


def main() -> None:
    """Runs one command; errors are one line with, where it helps, what a program said below it."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = argparse.ArgumentParser(prog="shop-platform", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__)
    args = parser.parse_args()
    out = console()
    try:
        COMMANDS[args.command](out)
    except Failure as failure:
        out.print(Text("ERROR ", "bold red").append(str(failure), "not bold default"))
        for line in failure.detail.splitlines():
            out.print(Text(f"  {line}", "dim"))
        sys.exit(1)
    except KeyboardInterrupt:
        out.print("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
