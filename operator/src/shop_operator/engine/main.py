"""The two commands that need a cluster: `run` serves until it is told to stop, `diff` only looks."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Sequence

import structlog
from prometheus_client import start_http_server

from shop_operator.cli.files import read
from shop_operator.cluster import connection
from shop_operator.cluster.client import Api, ApiError
from shop_operator.engine import kopf_app, logs, preview
from shop_operator.engine.engine import Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT. Ends with one line when there is no cluster to talk to."""
    # Most of what is made here is JSON, which has no cycles: to look for them as often as Python does takes
    # two thirds of the time in which lists are read.
    gc.set_threshold(50_000)
    where = _find()
    logs.configure(settings.log_level, settings.log_format)
    try:
        while asyncio.run(_serve(settings, where)):
            gc.unfreeze()
    except OSError as error:
        raise SystemExit(f"shop-operator: {error.strerror or error} (ports {settings.health_port} and "
                         f"{settings.metrics_port} must be free)") from error  # fmt: skip


def diff(settings: Settings, files: Sequence[str]) -> int:
    """Print what applying the files would change, one line each; nothing when all is as they say.

    The exit code is that of `kubectl diff`: 0 without differences, 1 with some, 2 after an error. Raises what
    the reader of the files raises.
    """
    shops = read(*files)

    async def look() -> list[str]:
        async with Api(connection.find()) as api:
            return await preview.changes(api, settings, shops)

    try:
        lines = asyncio.run(look())
    except (ApiError, connection.LoginError) as error:
        print(f"shop-operator: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines), end="\n" if lines else "")
    return 1 if lines else 0


def _find() -> connection.Connection:
    try:
        return connection.find()
    except connection.LoginError as error:
        raise SystemExit(f"shop-operator: {error}") from None


async def _serve(settings: Settings, where: connection.Connection) -> bool:
    """True when it is to be done again."""
    metrics = Metrics()
    server, thread = start_http_server(settings.metrics_port, registry=metrics.registry)
    try:
        api = Api(where, connections=settings.workers, observe=metrics.observe_call)
        again = await kopf_app.serve(Engine(api, settings, metrics, socket.gethostname()), where, settings)
        log.info("starting anew" if again else "stopped")
        return again
    finally:
        server.shutdown()
        thread.join()
