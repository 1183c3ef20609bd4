"""kind's command line: the same commands, flags, output and exit codes, over the local node."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from kindlocal import cluster, images, kind_config, kubeconfig, lifecycle, pins, preflight
from kindlocal.cluster import Cluster
from kindlocal.errors import KindlocalError
from kindlocal.processes import end_tidily

Args = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """Usage errors end with 1, as kind's do."""

    def error(self, message: str) -> NoReturn:
        """Raise what main() prints."""
        raise KindlocalError(f"{message} (see `{self.prog} --help`)")


def seconds(text: str) -> float:
    """A Go duration, such as 90s, 5m or 1h30m.

    Raises KindlocalError for anything else.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if text != "0" and "".join(number + unit for number, unit in parts) != text:
        raise KindlocalError(
            f'invalid argument "{text}" for "--wait" flag: expected a duration such as 60s or 5m'
        )
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit] for number, unit in parts)


def parser() -> Parser:
    """All commands; ``run`` of a parsed one is the function to call."""
    top = Parser(prog="kind", description=__doc__, allow_abbrev=False)
    common = Parser(add_help=False)
    common.add_argument("-q", "--quiet", action="store_true", help="silence all stderr output")
    common.add_argument("-v", "--verbosity", type=int, default=0, help="accepted for kind's sake")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    nouns: dict[str, argparse._SubParsersAction[Parser]] = {}

    def command(verb: str, noun: str, run: Callable[[Args], None], *flags: str) -> Parser:
        if verb not in nouns:
            nouns[verb] = verbs.add_parser(verb).add_subparsers(dest="noun", required=True, metavar="OBJECT")
        one = nouns[verb].add_parser(noun, parents=[common], help=(run.__doc__ or "").rstrip("."))
        one.set_defaults(run=run)
        if "name" in flags:
            one.add_argument("-n", "--name", default="", help="default $KIND_CLUSTER_NAME, then kind")
        if "kubeconfig" in flags:
            one.add_argument("--kubeconfig", default="", help="default $KUBECONFIG, then ~/.kube/config")
        if "internal" in flags:
            one.add_argument("--internal", action="store_true", help="same as without: there is one address")
        return one

    one = command("create", "cluster", create_cluster, "name", "kubeconfig")
    one.add_argument("--config", default="", help="a kind configuration file, - for standard input")
    one.add_argument("--image", default="", help="accepted for kind's sake")
    one.add_argument("--retain", action="store_true", help="keep what a failed creation leaves")
    one.add_argument("--wait", type=str, default="0s", help="how long to wait for the node to be ready")
    command("delete", "cluster", delete_cluster, "name", "kubeconfig")
    one = command("delete", "clusters", delete_clusters, "kubeconfig")
    one.add_argument("-A", "--all", action="store_true")
    one.add_argument("names", nargs="*")
    command("get", "clusters", get_clusters)
    command("get", "nodes", get_nodes, "name").add_argument("-A", "--all-clusters", action="store_true")
    command("get", "kubeconfig", get_kubeconfig, "name", "internal")
    command("export", "kubeconfig", export_kubeconfig, "name", "kubeconfig", "internal")
    for noun, run in (("docker-image", load_docker_image), ("image-archive", load_image_archive)):
        one = command("load", noun, run, "name")
        one.add_argument("--nodes", default="", help="comma separated")
        one.add_argument("images", nargs="+")
    verbs.add_parser("version", parents=[common]).set_defaults(run=version)
    return top


def _name(args: Args) -> str:
    return str(args.name or os.environ.get("KIND_CLUSTER_NAME") or "kind")


def _say(args: Args) -> Callable[[str], None]:
    """Kind's log goes to stderr, results go to stdout."""
    return (lambda text: None) if args.quiet else (lambda text: print(text, file=sys.stderr, flush=True))


def create_cluster(args: Args) -> None:
    """Create a local Kubernetes cluster."""
    wait = seconds(args.wait)
    config = kind_config.read(args.config) if args.config else kind_config.KindConfig()
    if args.image:
        config.ignored.append("--image")
    for what in config.ignored:
        _say(args)(
            f" • not applied: {what}; the node is what kindlocal-build made (Kubernetes {pins.KUBERNETES})"
        )
    name = args.name or os.environ.get("KIND_CLUSTER_NAME") or config.name or "kind"
    lifecycle.create(
        name, config, wait=wait, kubeconfig_file=args.kubeconfig, retain=args.retain, say=_say(args)
    )


def delete_cluster(args: Args) -> None:
    """Delete a cluster."""
    _say(args)(f'Deleting cluster "{_name(args)}" ...')
    lifecycle.delete(_name(args), args.kubeconfig)


def delete_clusters(args: Args) -> None:
    """Delete clusters by name, or all."""
    names = [one.name for one in cluster.everyone()] if args.all else args.names
    for name in names:
        lifecycle.delete(name, args.kubeconfig)
    _say(args)(f"Deleted clusters: {names}")


def get_clusters(args: Args) -> None:
    """List clusters by name."""
    found = cluster.everyone()
    for one in found:
        print(one.name)
    if not found:
        _say(args)("No kind clusters found.")


def get_nodes(args: Args) -> None:
    """List the nodes of a cluster."""
    found = cluster.everyone() if args.all_clusters else [one for one in [cluster.find(_name(args))] if one]
    for one in found:
        print(one.node)
    if not found:
        where = "any cluster." if args.all_clusters else f'cluster "{_name(args)}".'
        _say(args)(f"No kind nodes found for {where}")


def get_kubeconfig(args: Args) -> None:
    """Print a cluster's kubeconfig."""
    print(kubeconfig.as_yaml(_admin(cluster.existing(_name(args)))), end="")


def export_kubeconfig(args: Args) -> None:
    """Add a cluster to a kubeconfig file and make it current."""
    one = cluster.existing(_name(args))
    admin = _admin(one)
    kubeconfig.edit(kubeconfig.user_file(args.kubeconfig), lambda own: kubeconfig.merged(own, admin))
    _say(args)(f'Set kubectl context to "{one.context}"')


def _admin(of: Cluster) -> kubeconfig.Config:
    try:
        return kubeconfig.load(of.folder / "admin.kubeconfig")
    except PermissionError:
        preflight.root()
        raise


def load_docker_image(args: Args) -> None:
    """Load images of docker or buildah into the node."""
    preflight.root()
    images.load_images(_target(args), args.images, _say(args))


def load_image_archive(args: Args) -> None:
    """Load images from archives into the node."""
    preflight.root()
    images.load_archives(_target(args), args.images)


def _target(args: Args) -> Cluster:
    one = cluster.find(_name(args))
    if not one:
        raise KindlocalError(f'no nodes found for cluster "{_name(args)}"')
    for node in filter(None, args.nodes.split(",")):
        if node != one.node:
            raise KindlocalError(f'unknown node: "{node}"')
    return one


def version(args: Args) -> None:
    """Print kind's version that this follows."""
    print(pins.KIND if args.quiet else f"kind v{pins.KIND} kindlocal linux/amd64")


def main() -> None:
    """Run a command; 1 for any error, one line of it on stderr."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # ✓ on a terminal that has none
    end_tidily()
    try:
        args = parser().parse_args()
        args.run(args)
    except (KindlocalError, OSError) as error:
        sys.exit(f"ERROR: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
