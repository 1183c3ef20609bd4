from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.cli import main
from shop_chassis.testing.process import ServiceProcess


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert main(["auth-secret", "--dir", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


@pytest.fixture
def catalog(keys: Path, tmp_path: Path) -> Iterator[ServiceProcess]:
    process = ServiceProcess(
        "shop_catalog",
        tmp_path,
        AUTH_JWKS=str(keys / "jwks.json"),
        MEDIA_FOLDER=str(tmp_path / "media"),
        DRAIN_SECONDS="0",
    )
    assert process.run("migrate").returncode == 0
    process.start()
    yield process
    process.kill()
