"""Fixtures for every test of the workspace; pytest finds them by shop-chassis's entry point."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from shop_chassis.signing import ServiceAccounts
    from shop_chassis.testing.databases import Migrated
    from shop_chassis.testing.otlp import Collector
    from shop_chassis.testing.servers import NatsServer, PostgresServer, RedisServer

# Servers are imported where they are used: this module loads in every test run of the workspace.


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """One PostgreSQL for the whole run; whoever kills it starts it again."""
    from shop_chassis.testing.servers import PostgresServer

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        Path(folder).chmod(0o755)  # the server runs as somebody else
        server = PostgresServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres_url(postgres: "PostgresServer") -> str:
    """URL of an empty database of this test's own."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Migrated":
    """`migrated(service, "sqlite" | "postgres", tmp_path)`: URL of a database with the service's schema."""
    from shop_chassis.testing.databases import Migrated

    folder = tmp_path_factory.mktemp("migrated")
    return Migrated(folder, lambda: request.getfixturevalue("postgres"))


@pytest.fixture
def redis_server(tmp_path: Path) -> "Iterator[RedisServer]":
    """A Redis of this test's own."""
    from shop_chassis.testing.servers import RedisServer

    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def nats_server(tmp_path: Path) -> "Iterator[NatsServer]":
    """A NATS of this test's own."""
    from shop_chassis.testing.servers import NatsServer

    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> "Iterator[Collector]":
    """Hears, within moments, of all spans of a service whose `otel_exporter_otlp_endpoint` is its `url`."""
    from shop_chassis.testing.otlp import collector

    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    with collector() as made:
        yield made


@pytest.fixture(scope="session")
def service_accounts() -> "ServiceAccounts":
    """Plays the cluster that signs the tokens of services; `write_callers` makes a folder for CALLERS."""
    from shop_chassis.signing import ServiceAccounts

    return ServiceAccounts()
