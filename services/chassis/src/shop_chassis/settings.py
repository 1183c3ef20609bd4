"""What a service is told by its environment. A service with settings of its own subclasses `Settings`."""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shop_chassis.binding import Binding


class SettingsError(Exception):
    """A variable of the environment cannot be used; the message names it."""


class Settings(BaseSettings):
    """Variables of the environment, in upper case. Credentials are not here: see `Binding`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    port: int = Field(default=8080, ge=0, le=65535)
    """Of API, health and metrics; 0 takes a free one."""
    listen_address: str = "0.0.0.0"

    pod_name: str = "local"
    build_version: str = "dev"
    """Set when the image is built; shown as a metric."""

    service_binding_root: Path | None = None
    database_url: str | None = None
    """SQLAlchemy URL; the binding `database` comes first, a SQLite file in the current folder last."""
    database_pool_size: int = Field(default=10, ge=1)
    cache_url: str = "memory://"
    """The binding `cache` comes first."""
    events_url: str = "memory://"

    auth_jwks: str | None = None
    """File or URL of the keys that sign tokens. Without it every route that needs a token answers 503."""
    auth_issuer: str = "shop"
    auth_audience: str = "shop"
    auth_revocations: str = "user.session.revoked"
    """Topic of the events that end sessions before their tokens do."""

    callers: Path | None = None
    """Folder that says which services may call internal routes. Without it those answer 503."""
    identity_tokens: Path | None = None
    """Folder with a token of this service for each one that it calls."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"
    """`auto`: text on a terminal, JSON elsewhere."""
    log_access: bool = True
    """A line per request at level info; health and metrics never."""

    otel_exporter_otlp_endpoint: HttpUrl | None = None
    """Where spans are sent, by OTLP over HTTP, as the other OTEL_* variables say. Unset: none."""

    trace_statements: bool = False
    """A span for each statement of the database too, where spans are sent: what it does with which tables."""

    trusted_proxies: int = Field(default=0, ge=0)
    """How many proxies before this service add to X-Forwarded-For; rate limits ask it for the address."""

    request_timeout: float = Field(default=10.0, gt=0)
    """Seconds that a request may take when its caller sets no deadline."""
    drain_seconds: float = Field(default=5.0, ge=0)
    """Between SIGTERM, when readiness goes off, and the end of accepting requests."""
    shutdown_seconds: float = Field(default=15.0, ge=0)
    """For requests still running then; afterwards they are cancelled."""
    migrate_wait_seconds: float = Field(default=120.0, ge=0)
    """How long `migrate` waits for the database to accept connections, and for another migration to end."""

    def binding(self, name: str) -> Binding | None:
        """The Service Binding of that name, if the pod has one."""
        return Binding.find(self.service_binding_root, name)


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Settings from the environment. Raises SettingsError, one line per variable that cannot be used."""
    try:
        return kind()
    except ValidationError as error:
        lines = [
            f"{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}, found {problem['input']!r}"
            for problem in error.errors(include_url=False)
        ]
        raise SettingsError("; ".join(lines)) from error
