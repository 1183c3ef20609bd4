"""The process: `run` serves until it is told to stop."""

from __future__ import annotations

import asyncio
import socket

import structlog
from prometheus_client import start_http_server

from shop_operator.cluster import connection
from shop_operator.cluster.client import Api
from shop_operator.engine import kopf_app, logs
from shop_operator.engine.engine import Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises LoginError when there is no cluster to talk to,
    OSError when a port is taken."""
    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    metrics = Metrics()
    server, thread = start_http_server(settings.metrics_port, registry=metrics.registry)
    where = connection.find()
    try:
        async with Api(where, connections=settings.workers, observe=metrics.observe_call) as api:
            engine = Engine(api, settings, metrics, socket.gethostname())
            await kopf_app.serve(engine, where, settings)
            log.info("stopped")
    finally:
        server.shutdown()
        thread.join()
