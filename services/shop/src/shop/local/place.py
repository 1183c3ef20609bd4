"""Where `shop local` keeps what it has: keys, databases, addresses, a log."""

import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, NamedTuple

from shop_chassis.signing import ServiceAccounts, Signer

from shop.keys import PRIVATE, PUBLIC, KeyProblem, from_file, write
from shop.local.addresses import Addresses, file_of
from shop.local.members import Member
from shop.secrets import ADMIN

HOST = "127.0.0.1"
TOKEN_SECONDS = 30 * 24 * 3600
"""Of service identity; made anew at each start."""


class Login(NamedTuple):
    """By which somebody signs in."""

    email: str
    password: str


class Place:
    """A folder with the state of one local shop."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        """`ports` by name of service."""
        self.folder = folder.resolve()
        self._ports = dict(ports)
        self.private_key = self.folder / "keys" / PRIVATE
        self.first_admin = self.folder / "first-admin"
        self.log = self.folder / "shop.log"
        self.gateway_key, self.webhook_secret = token_urlsafe(24), token_urlsafe(24)
        self.message_secret, self.smtp_port = token_urlsafe(24), _free_port()

    def url(self, name: str) -> str:
        """Where a service answers."""
        return f"http://{HOST}:{self._ports[name]}"

    def write_keys(self, members: Sequence[Member]) -> Signer:
        """The key of users' tokens, kept; those of the services, new. Returns the former."""
        try:
            signer = from_file(self.private_key)
        except KeyProblem:
            signer = Signer.generate()
            shutil.rmtree(self.private_key.parent, ignore_errors=True)
            write(signer, self.private_key.parent)
        accounts = ServiceAccounts()
        for member in members:
            callers = [other.name for other in members if member.name in other.callees]
            accounts.write_callers(self._callers(member), member.name, callers)
            accounts.write_tokens(self._identity(member), member.name, member.callees, seconds=TOKEN_SECONDS)
        return signer

    def write_admin(self) -> Login:
        """How the first administrator signs in; kept."""
        email, password = self.first_admin / "email", self.first_admin / "password"
        if not password.exists():
            self.first_admin.mkdir(parents=True, exist_ok=True)
            email.write_text(ADMIN)
            password.touch(mode=0o600)
            password.write_text(token_urlsafe(12))
        return Login(email.read_text(), password.read_text())

    def settings(self, member: Member) -> dict[str, Any]:
        """What a pod is told by its environment."""
        return {
            "port": self._ports[member.name],
            "listen_address": HOST,
            "pod_name": f"{member.name}-local",
            "service_binding_root": None,
            "database_url": f"sqlite:///{self.folder / member.name}.sqlite3",
            "cache_url": "memory://",
            "events_url": "memory://",
            "auth_jwks": str(self.private_key.with_name(PUBLIC)),
            "callers": self._callers(member),
            "identity_tokens": self._identity(member),
            "drain_seconds": 0,
            "shutdown_seconds": 2,
            **{
                f"{callee.replace('-', '_')}_url": self.url(callee)
                for callee in member.callees
                if callee in self._ports
            },
            **member.settings(self),
        }

    def announce(self) -> None:
        """Tells other commands where the shop is; until `withdraw`."""
        services = {name: self.url(name) for name in self._ports}
        addresses = Addresses(services=services, private_key=self.private_key, gateway_key=self.gateway_key)
        file = file_of(self.folder)
        file.touch(mode=0o600)
        file.write_text(addresses.model_dump_json(indent=2) + "\n")

    def withdraw(self) -> None:
        """It runs no more."""
        file_of(self.folder).unlink(missing_ok=True)

    def _callers(self, member: Member) -> Path:
        return self.folder / "identity" / member.name / "callers"

    def _identity(self, member: Member) -> Path:
        return self.folder / "identity" / member.name / "tokens"


def _free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])
