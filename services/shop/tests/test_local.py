"""`shop local` as a process: it starts, tells where everything is, and goes without leaving anything."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from shop import demo
from shop.keys import from_file
from shop.local.members import MEMBERS
from shop.testing import LOCAL, LocalShop

SERVICES = Path(__file__).parents[2]


def run(folder: Path, *program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LocalShop]:
    made = LocalShop(tmp_path, "--few")
    yield made
    made.kill()


def test_it_starts_with_demo_data_and_leaves_nothing_but_its_folder(shop: LocalShop) -> None:
    at = shop.start()
    assert set(at.services) == {"console", *(member.name for member in MEMBERS)}
    for name, url in at.services.items():
        assert httpx.get(f"{url}/readyz").json() == {"ready": True, "reasons": []}, name
        assert f'service="{name}"' in httpx.get(f"{url}/metrics").text or name == "notification"
    login = {"email": demo.SHOPPER[0], "password": demo.SHOPPER[1]}
    assert httpx.post(f"{at.services['user']}/login", json=login).status_code == 200
    products = httpx.get(f"{at.services['catalog']}/products", params={"limit": 100}).json()["items"]
    asked = {"id": products[0]["id"]}
    stock = httpx.get(f"{at.services['warehouse']}/availability", params=asked).json()["items"]
    assert stock[0]["available"] > 0
    assert len(products) == demo.A_FEW
    printed = shop.output.read_text()
    assert all(url in printed for url in at.services.values())

    admin = from_file(at.private_key).token("boss", "catalog:admin")
    changed = httpx.put(
        f"{at.services['catalog']}/admin/products/{products[0]['id']}/price",
        json={"amount": 1, "currency": "EUR"},
        headers={"Authorization": f"Bearer {admin}"},
    )
    assert changed.status_code == 200
    assert shop.stop() == 0
    for url in at.services.values():
        address = urlsplit(url)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port), 1).close()
    assert not (shop.folder / "addresses.json").exists()

    again = shop.start()  # what was there stays, demo data included
    kept = httpx.get(f"{again.services['catalog']}/products/{products[0]['id']}").json()
    assert kept["price"]["amount"] == 1
    assert shop.stop(signal.SIGTERM) == 0

    fresh = LocalShop(shop.folder, "--empty", "--fresh")
    try:
        anew = fresh.start()
        assert httpx.get(f"{anew.services['catalog']}/products").json()["items"] == []
        second = run(shop.folder, *LOCAL)
        assert (second.returncode, second.stderr) == (
            1,
            "shop local: a shop runs on . already: end it, or name another with --dir\n",
        )
    finally:
        fresh.kill()


BROKEN = """
import sys
from pathlib import Path
from shop.local import StartFailed
from shop.local.command import local
from shop.local.members import Member

try:
    local(Path("."), first_port=0, members=[Member("broken"), Member("catalog")])
except StartFailed as error:
    sys.exit(str(error))
"""
SERVICE = """
from shop_chassis.runtime import Background
from shop_chassis.service import Service
from shop_chassis.settings import Settings


class Own(Settings):
    {setting}


def setup(runtime):
    {setup}


service = Service("broken", settings=Own, setup=setup)
"""


@pytest.mark.parametrize(
    ("setting", "setup", "said"),
    [
        (None, "", "broken: ModuleNotFoundError: No module named 'shop_broken'"),
        ("gateway_url: str", "pass", "broken: settings: gateway_url: Field required"),
        ("pass", "raise OSError('no socket')", "broken: OSError: no socket"),
        ("pass", "runtime.add(3)", "broken: AttributeError: 'int' object has no attribute 'start'"),
    ],
)
def test_a_service_that_does_not_start_is_named_with_its_reason(
    tmp_path: Path, setting: str | None, setup: str, said: str
) -> None:
    if setting is not None:
        package = tmp_path / "shop_broken"
        package.mkdir()
        (package / "service.py").write_text(SERVICE.format(setting=setting, setup=setup))
    (tmp_path / "broken.py").write_text(BROKEN)
    done = run(tmp_path, sys.executable, "broken.py")
    assert (done.returncode, done.stderr.strip()) == (1, said)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, *LOCAL, "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"shop local: console: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "--port names another first one, 0 takes free ones\n"
    )


OUTSIDE = {"storefront", "mailbox"}
"""Whom nobody calls as a neighbour: where links lead, and what stands in for providers of messages."""


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_whom_a_service_calls_is_the_same_here_in_its_settings_and_in_the_cluster(member: Any) -> None:
    names = {each.name for each in MEMBERS} - OUTSIDE
    fields = member.load().settings.model_fields
    addresses = {name.removesuffix("_url").replace("_", "-") for name in fields if name.endswith("_url")}
    assert addresses & names <= set(member.callees)
    folder = SERVICES / member.name
    for written in (folder / "shopservice.yaml.next", folder / "shopservice.yaml"):
        if written.exists():
            specs = [each["spec"] for each in yaml.safe_load_all(written.read_text())]
            called = {each["name"] for spec in specs for each in spec.get("dependsOn", [])}
            assert set(member.callees) & names == called & names
            break
