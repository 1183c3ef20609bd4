from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_chassis.events import Bus
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer.generate()


@pytest.fixture
def jwks(signer: Signer, tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(signer.jwks)
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite file without a DATABASE_URL lands in the current folder."""
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def client_of(
    service: Service, settings: Settings | None = None, *, bus: Bus | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(service, settings or Settings(), bus=bus)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


@pytest.fixture(name="client_of")
def client_of_fixture() -> Callable[..., Any]:
    return client_of
