"""The `shop` command."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from shop_chassis.signing import Signer

from shop.keys import KeyProblem, from_cluster, from_file, manifest, write
from shop.local import FOLDER, StartFailed
from shop.new import CannotMake, new_service
from shop.seed import SeedFailed, seed_catalog

FAILURES = (CannotMake, KeyProblem, SeedFailed, StartFailed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 for done, 1 for failed (one line on stderr says why), 2 for a wrong call."""
    chosen = _parser().parse_args(arguments)
    try:
        message: str = chosen.run(chosen)
    except FAILURES as error:
        print(f"shop {chosen.command}: {error}", file=sys.stderr)
        return 1
    print(message)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop", description="Runs and looks after the shop.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    token = commands.add_parser("token", help="print a token for a person or a test")
    token.add_argument("--scope", default="", help="separated by spaces: catalog:admin")
    token.add_argument("--subject", default="administrator", help="who it speaks for")
    token.add_argument("--seconds", type=_positive, default=3600.0, help="how long it is valid")
    token.add_argument("--key", type=Path, help="private.pem; default: that of the cluster's Secret")
    token.add_argument("--namespace", default="shop", help="where the Secret shop-auth is")
    token.set_defaults(run=_token)

    secret = commands.add_parser("auth-secret", help="make a new key: as a Secret on stdout, or as files")
    secret.add_argument("--dir", type=Path, help="write private.pem and jwks.json there instead")
    secret.add_argument("--namespace", default="shop", help="of the Secret")
    secret.set_defaults(run=_auth_secret)

    fill = commands.add_parser("seed", help="fill a running catalog with demo products")
    fill.add_argument("--url", required=True, help="of catalog: http://127.0.0.1:8080")
    fill.add_argument("--token", required=True, help="with the scope catalog:admin; `shop token` makes one")
    fill.set_defaults(run=_seed)

    here = commands.add_parser("local", help="run the whole shop in one process, with demo data")
    here.add_argument("--fresh", action="store_true", help="forget what was there before")
    here.add_argument("--port", type=int, default=8100, help="the first one; 0 takes free ones")
    here.add_argument("--dir", type=Path, default=FOLDER, help="where databases and keys are kept")
    here.set_defaults(run=_local)

    new = commands.add_parser("new", help="write a new service that passes its tests")
    new.add_argument("name", help="as in its ShopService: gift-cards")
    new.add_argument("--workspace", type=Path, default=Path(), help="the folder with services/")
    new.set_defaults(run=_new)
    return parser


def _token(chosen: argparse.Namespace) -> str:
    signer = from_file(chosen.key) if chosen.key else from_cluster(chosen.namespace)
    return signer.token(chosen.subject, chosen.scope, seconds=chosen.seconds)


def _auth_secret(chosen: argparse.Namespace) -> str:
    signer = Signer.generate()
    if chosen.dir is None:
        return manifest(signer, chosen.namespace)
    write(signer, chosen.dir)
    return f"wrote private.pem and jwks.json; services take AUTH_JWKS={chosen.dir}/jwks.json"


def _seed(chosen: argparse.Namespace) -> str:
    outcome = asyncio.run(seed_catalog(chosen.url, chosen.token))
    return f"demo products: {outcome}"


def _new(chosen: argparse.Namespace) -> str:
    folder = new_service(chosen.name, chosen.workspace)
    return (
        f"wrote {folder}; next: `uv lock`, `uv run pytest {folder}`, "
        "and a line in shop.local.members for `shop local`"
    )


def _local(chosen: argparse.Namespace) -> str:
    from shop.local.command import local  # all services: no other command waits for their import

    local(chosen.dir, first_port=chosen.port, fresh=chosen.fresh)
    return "ended"


def _positive(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return seconds
