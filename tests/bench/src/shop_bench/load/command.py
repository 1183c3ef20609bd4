"""`shop-load PROFILE`: finds a shop that runs, and lets people come to it.

shop-load steady                      a local shop (`shop local`), or the cluster (`make up`)
shop-load step --base 2 --peak 12     people per second; see --help for the times
shop-load sale --mix errand=1         what everybody else comes for meanwhile
shop-load wave --shop addresses.json  a shop anywhere: as .shop/local/addresses.json
shop-load spike --in-cluster          from a pod, without the way through a node's port
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shop.local import addresses
from shop_platform.platform import PORTS, Platform
from shop_platform.process import Failure

from shop_bench.load.profiles import PROFILES, Shape
from shop_bench.load.visits import VISITS

REACHED = tuple(name for name in PORTS if name != "prometheus")


def generator(
    profile: str, services: Mapping[str, str], shape: Mapping[str, Any], *more: str
) -> Sequence[str]:
    """The command line of the generator."""
    given = ["--services", json.dumps(dict(services)), "--shape", json.dumps(dict(shape))]
    return [sys.executable, "-m", "shop_bench.load", profile, *given, *more]


def mix(text: str) -> dict[str, float]:
    """`browse=7,buy=1` as weights; raises ValueError that names what is not a visit."""
    found = {}
    for part in text.split(","):
        kind, _, weight = part.partition("=")
        if kind not in VISITS:
            raise ValueError(f"expected some of {', '.join(VISITS)}, found {kind!r}")
        found[kind] = float(weight or 1)
    return found


def find(file: Path | None) -> dict[str, str]:
    """URLs of a shop: of the file, else of a local one, else of the cluster. Raises Failure."""
    if file is not None:
        return addresses.Addresses.model_validate_json(file.read_text()).services
    local = addresses.find()
    if local is not None:
        return local.services
    return on_cluster(cluster())


def cluster() -> Platform:
    """The platform that `make up` has made; raises Failure."""
    platform = Platform()
    if platform.tools.missing() or not platform.exists():
        raise Failure("no shop is running: `make up` starts one on a cluster, `shop local` one without")
    return platform


def on_cluster(platform: Platform) -> dict[str, str]:
    """Where its services are reached from here."""
    return {name: platform.url(name) for name in REACHED}


def arguments() -> argparse.ArgumentParser:
    """What can be said."""
    usual = Shape()
    parser = argparse.ArgumentParser(
        prog="shop-load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("profile", choices=PROFILES)
    for name, about in {
        "base": "people per second as usual",
        "peak": "people per second at most",
        "before": "seconds until something happens",
        "hold": "seconds for which it does",
        "after": "seconds afterwards",
    }.items():
        default = getattr(usual, name)
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{about} ({default:g})")
    text = ",".join(f"{kind}={weight:g}" for kind, weight in usual.mix.items())
    parser.add_argument("--mix", type=mix, default=usual.mix, help=f"what people come for ({text})")
    parser.add_argument("--pace", default="1", help="factor of think times (1)")
    parser.add_argument("--seed", default="1", help="the same people again (1)")
    parser.add_argument("--shop", type=Path, metavar="FILE", help="addresses of the shop")
    parser.add_argument("--in-cluster", action="store_true", help="from a pod of the cluster")
    parser.add_argument("--samples", default="load.jsonl", metavar="FILE", help="each request (load.jsonl)")
    parser.add_argument("--journal", metavar="FILE", help="what was ordered, as tests/faults reads it")
    return parser


def main() -> int:
    """Runs it; not 0 when a request failed, or when there is no shop."""
    flags = arguments().parse_args()
    try:
        shape = Shape(flags.base, flags.peak, flags.before, flags.hold, flags.after, flags.mix)
        more = ["--seed", flags.seed, "--pace", flags.pace]
        if flags.in_cluster:
            if flags.journal:
                raise ValueError("a pod keeps no journal: leave out --journal or --in-cluster")
            from shop_bench.load.pod import run

            return run(cluster(), flags.profile, asdict(shape), more, Path(flags.samples))
        more += ["--samples", flags.samples] + (["--journal", flags.journal] if flags.journal else [])
        words = generator(flags.profile, find(flags.shop), asdict(shape), *more)
        return subprocess.run(words).returncode
    except (Failure, ValueError) as error:
        print(f"shop-load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
