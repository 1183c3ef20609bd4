"""The `shop` command."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
from shop_chassis.signing import Signer

from shop import demo
from shop.access import NotDone, Where, service
from shop.keys import KeyProblem, from_cluster, from_file, write
from shop.kubectl import NoCluster
from shop.local import FOLDER, StartFailed
from shop.new import CannotMake, new_service
from shop.secrets import SECRETS, manifests
from shop.seed import SeedFailed, seed, seed_drawn

FAILURES = (CannotMake, KeyProblem, NoCluster, NotDone, SeedFailed, StartFailed)


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

    key = commands.add_parser("auth-secret", help="make a new key that signs tokens, as files")
    key.add_argument("--dir", type=Path, required=True, help="for private.pem and jwks.json")
    key.set_defaults(run=_auth_secret)

    secret = commands.add_parser("secrets", help="print new Secrets that the shop's chart expects")
    secret.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(SECRETS)}; default: all"
    )
    secret.add_argument("--namespace", default="shop")
    secret.set_defaults(run=_secrets)

    fill = commands.add_parser("seed", help="fill running services with demo data")
    fill.add_argument("services", nargs="+", type=_address, metavar="NAME=URL",
                      help="catalog=http://127.0.0.1:8080 warehouse=…; others are left alone")  # fmt: skip
    fill.add_argument("--few", action="store_true", help="one product of each kind")
    fill.add_argument("--pictures", action="store_true", help="draw products that have no picture, too")
    fill.add_argument("--key", type=Path, help="private.pem; default: that of the cluster's Secret")
    fill.add_argument("--namespace", default="shop", help="where the Secret shop-auth is")
    fill.set_defaults(run=_seed)

    here = commands.add_parser("local", help="run the whole shop in one process, with demo data")
    here.add_argument("--fresh", action="store_true", help="forget what was there before")
    some = here.add_mutually_exclusive_group()
    some.add_argument("--empty", action="store_true", help="without demo data")
    some.add_argument("--few", action="store_true", help="one product of each kind, without pictures")
    here.add_argument("--port", type=int, default=8100, help="the first one; 0 takes free ones")
    here.add_argument("--dir", type=Path, default=FOLDER, help="where databases and keys are kept")
    here.set_defaults(run=_local)

    _add_saga(commands.add_parser("saga", help="look at order-processing's sagas, help one that is stuck"))
    _add_dlq(commands.add_parser("dlq", help="look at events that a consumer gave up, replay them"))

    new = commands.add_parser("new", help="write a new service that passes its tests")
    new.add_argument("name", help="as in its ShopService: gift-cards")
    new.add_argument("--workspace", type=Path, default=Path(), help="the folder with services/")
    new.set_defaults(run=_new)
    return parser


def _add_saga(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="newest first")
    listed.add_argument("--stuck", action="store_true", help="only those that need a person")
    listed.add_argument("--state", choices=["open", "done", "undone"])
    listed.add_argument("--kind", choices=["order", "shipping", "cancellation", "undelivered", "return"])
    listed.add_argument("--order", metavar="ID", help="of this order")
    listed.add_argument("--limit", type=int, default=50, help="at most so many")
    shown = actions.add_parser("show", help="one with its log")
    retry = actions.add_parser("retry", help="try its step again now")
    compensate = actions.add_parser("compensate", help="turn it around; refused once money may be taken")
    for action in (shown, retry, compensate):
        action.add_argument("saga", metavar="ID")
    for action in (retry, compensate):
        action.add_argument("--reason", default="by an administrator", help="kept in its log")
    for action in (listed, shown, retry, compensate):
        _add_where(action)
        action.set_defaults(run=_saga)


def _add_dlq(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="oldest first")
    shown = actions.add_parser("show", help="one with its event")
    shown.add_argument("number", type=int)
    replay = actions.add_parser("replay", help="publish again: those numbers, or all of a consumer")
    replay.add_argument("numbers", type=int, nargs="*", metavar="NUMBER")
    for action in (listed, replay):
        action.add_argument("--consumer", help="only what this one gave up")
    for action in (listed, shown, replay):
        action.add_argument("--broker", help="nats://host:port")
        _add_where(action)
        action.set_defaults(run=_dlq)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="of the service; default: the shop in --dir, else the cluster's")
    parser.add_argument("--token", help="for --url; `shop token` makes one")
    parser.add_argument("--dir", type=Path, default=FOLDER, help="of a `shop local` that runs")
    parser.add_argument("--namespace", default="shop", help="of the shop in the cluster")


def _where(chosen: argparse.Namespace) -> Where:
    return Where(url=chosen.url, token=chosen.token, folder=chosen.dir, namespace=chosen.namespace)


def _saga(chosen: argparse.Namespace) -> str:
    from shop import sagas  # here and below: what takes long to import, for those who use it alone

    with service(sagas.NAME, _where(chosen), scope=sagas.SCOPE) as api:
        match chosen.action:
            case "list":
                return sagas.listed(
                    api,
                    stuck=chosen.stuck,
                    state=chosen.state,
                    kind=chosen.kind,
                    order_id=chosen.order,
                    limit=chosen.limit,
                )
            case "show":
                return sagas.shown(api, chosen.saga)
            case "retry":
                return sagas.retried(api, chosen.saga, chosen.reason)
            case _:
                return sagas.compensated(api, chosen.saga, chosen.reason)


def _dlq(chosen: argparse.Namespace) -> str:
    from shop import letters

    # What the broker's client logs is said by the error, if there is one.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with letters.letters(_where(chosen), chosen.broker) as kept:
        match chosen.action:
            case "list":
                return letters.listed(kept, chosen.consumer)
            case "show":
                return letters.shown(kept, chosen.number)
            case _:
                if not chosen.numbers and chosen.consumer is None:
                    raise NotDone("expected numbers, or --consumer for all of one")
                return letters.replayed(kept, chosen.numbers, chosen.consumer)


def _signer(chosen: argparse.Namespace) -> Signer:
    return from_file(chosen.key) if chosen.key else from_cluster(chosen.namespace)


def _token(chosen: argparse.Namespace) -> str:
    return _signer(chosen).token(chosen.subject, chosen.scope, seconds=chosen.seconds)


def _auth_secret(chosen: argparse.Namespace) -> str:
    write(Signer.generate(), chosen.dir)
    return f"wrote private.pem and jwks.json; services take AUTH_JWKS={chosen.dir}/jwks.json"


def _secrets(chosen: argparse.Namespace) -> str:
    if unknown := set(chosen.names) - SECRETS.keys():
        raise NotDone(f"expected some of {', '.join(SECRETS)}, found {', '.join(sorted(unknown))}")
    return manifests(chosen.names or list(SECRETS), chosen.namespace)


def _seed(chosen: argparse.Namespace) -> str:
    services, signer = dict(chosen.services), _signer(chosen)
    if chosen.pictures and "catalog" not in services:
        raise NotDone("--pictures: expected catalog=URL among the services, since it keeps them")
    first = demo.A_FEW if chosen.few else None
    if chosen.pictures:
        return "; ".join(asyncio.run(seed_drawn(services, signer, first)))
    return "; ".join(asyncio.run(seed(services, signer, first)).told)


def _new(chosen: argparse.Namespace) -> str:
    folder = new_service(chosen.name, chosen.workspace)
    return (
        f"wrote {folder}; next: `uv lock`, `uv run pytest {folder}`, "
        "and a line in shop.local.members for `shop local`"
    )


def _local(chosen: argparse.Namespace) -> str:
    from shop.local.command import Demo, local

    demo_data = Demo.NONE if chosen.empty else Demo.FEW if chosen.few else Demo.ALL
    local(chosen.dir, first_port=chosen.port, fresh=chosen.fresh, demo_data=demo_data)
    return "ended"


def _address(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not url.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected NAME=URL, found {text!r}")
    return name, url


def _positive(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return seconds
