"""A service, declared once: what `serve`, `migrate` and the tests are made of.

A service package has `service.py` with `service = Service("catalog", …)`, and `__main__.py` with
`sys.exit(main(service))`, `main` being that of `shop_chassis.command`; both imported while `start.loading()`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CollectorRegistry

from shop_chassis.auth import Verifier
from shop_chassis.edge import Edge, streams_of
from shop_chassis.identity import Callers
from shop_chassis.limits import Limits
from shop_chassis.metrics import Readiness, ServerMetrics
from shop_chassis.migrations import Migrations
from shop_chassis.problems import install
from shop_chassis.revocation import Revocations, follow_revocations
from shop_chassis.runtime import Runtime
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.tracing import tracer_of

if TYPE_CHECKING:
    from shop_chassis.events import Bus


# FastAPI's own names paths and messages, and is the process's: see `tracing`.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip


def _nothing(_runtime: Runtime[Any]) -> None:
    pass


@dataclass(frozen=True)
class Service:
    """What one service consists of. Nothing in it is shared with another or changes while it runs."""

    name: str
    """As in its ShopService: `order-taking`."""
    title: str = ""
    """First line of its API's documentation."""
    routers: Sequence[APIRouter] = ()
    """None for a pure worker: it has health and metrics all the same."""
    migrations: Migrations | None = None
    """None for a service without a database."""
    settings: type[Settings] = Settings
    setup: Callable[[Runtime[Any]], None] = field(default=_nothing)
    """Adds components, checks and what handlers use to the runtime. Does no I/O."""


def create_app(service: Service, settings: Settings, *, bus: "Bus | None" = None) -> FastAPI:
    """The service as an ASGI application; several of them can live in one process, on one `bus`."""
    store, revocations = Store(settings, service.name), Revocations()
    tracer = tracer_of(settings, service.name)
    runtime = Runtime(settings, store, CollectorRegistry(auto_describe=True), bus, tracer)
    runtime.provide(
        Verifier(settings.auth_jwks, settings.auth_issuer, settings.auth_audience, revoked=revocations.cover)
    )
    runtime.provide(Callers(settings.callers))
    runtime.provide(runtime.add(Limits(settings)))
    if service.migrations:
        runtime.ready_when("database", runtime.store.problem)
        runtime.ready_when("schema", partial(service.migrations.problem, runtime.store))
    service.setup(runtime)
    if service.routers:
        follow_revocations(runtime, revocations)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        try:
            yield
        finally:
            await runtime.stop()

    app = FastAPI(
        title=service.title or service.name,
        version=settings.build_version,
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.runtime = runtime
    install(app)
    for router in service.routers:
        app.routes.extend(router.routes)  # of an included router each request is matched twice
    metrics = ServerMetrics(runtime.metrics, service.name, settings.build_version)
    runtime.metrics.register(Readiness(lambda: runtime.ready))
    app.add_middleware(Edge, runtime=runtime, metrics=metrics, streams=streams_of(app))
    return app
