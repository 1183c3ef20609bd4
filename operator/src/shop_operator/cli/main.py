"""`shop-operator run | crd | rbac | render FILE | diff FILE`: flags to functions, errors to one line each."""

import argparse
import sys
from collections.abc import Sequence

from shop_operator import settings
from shop_operator.api.crd import custom_resource_definition
from shop_operator.children.kinds import CHILD_KINDS
from shop_operator.cli import rbac
from shop_operator.cli.files import Unreadable, read
from shop_operator.cli.output import dump
from shop_operator.cli.render import render


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 for what is wrong in the input, 2 for wrong usage.

    `diff` has the codes of `kubectl diff`: 1 tells of differences, 2 of anything that is wrong.
    """
    flags = _parser().parse_args(argv)
    try:
        return _run(flags)
    except settings.InvalidSettings as error:
        print(f"shop-operator: {error}", file=sys.stderr)
    except Unreadable as error:
        print(error, file=sys.stderr)  # every line begins with its file
    return 2 if flags.command == "diff" else 1


def _run(flags: argparse.Namespace) -> int:
    match flags.command:
        case "run":
            # The framework and the cluster's client load only where they are needed.
            from shop_operator.engine.main import run

            run(settings.load(flags))
        case "crd":
            print(dump(custom_resource_definition()), end="")
        case "rbac":
            print(dump(rbac.rules()), end="")
        case "render":
            kinds = frozenset(filter(None, flags.kinds.split(",")))
            print(dump(*render(read(*flags.files), settings.load(flags), kinds)), end="")
        case "diff":
            from shop_operator.engine.main import diff

            return diff(settings.load(flags), flags.files)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="shop-operator", description="Turns ShopServices into running services."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="the operator itself")
    commands.add_parser("crd", help="the CustomResourceDefinition")
    commands.add_parser("rbac", help="the rules of the role that the operator needs")
    render = commands.add_parser("render", help="what ShopServices become, as YAML, without a cluster")
    render.add_argument(
        "--kinds",
        default=",".join(kind.kind for kind in CHILD_KINDS if kind.optional),
        metavar="KIND,…",
        help="the optional kinds that the cluster is taken to have (default %(default)s)",
    )
    diff = commands.add_parser("diff", help="what would change on the current cluster")
    for command in (render, diff):
        command.add_argument(
            "files", metavar="FILE", nargs="+", help="YAML with ShopServices; - is the input"
        )
    for command in (run, render, diff):
        settings.add_flags(command)
    return parser
