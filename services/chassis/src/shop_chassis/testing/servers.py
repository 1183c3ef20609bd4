"""PostgreSQL, Redis and NATS servers for tests: a free port, data of their own, gone with the process.

Each can be killed and started again on the same data.
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PORTS = (10_000, 30_000)
START_SECONDS = 120.0
"""Generous: the machine may be busy with other tests."""


class NotInstalled(Exception):  # noqa: N818 - named for what it says
    """A server's program is missing; the message says how to get it."""


class Server(ABC):
    """A process that answers on 127.0.0.1."""

    name = ""

    def __init__(self, folder: Path) -> None:
        """`folder` is kept between starts; logs are there too."""
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it on its data; returns when it answers."""
        log = self.folder / f"{self.name}.log"
        user = _unprivileged() if self._needs_user() else None
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command(),
                stdout=out,
                stderr=out,
                cwd="/",
                user=user,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.name} did not start:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ends it in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_SECONDS)

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Program and arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it is up."""

    def _needs_user(self) -> bool:
        """Whether it refuses to run as root."""
        return False


_POSTGRES_SETTINGS = {
    "fsync": "off",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class PostgresServer(Server):
    """PostgreSQL with one superuser, `postgres`; passwords are checked (SCRAM)."""

    name = "postgres"
    password = "secret"

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings` are of postgresql.conf, over those of tests."""
        super().__init__(folder)
        self.port = free_ports(1)[0]
        self._settings = _POSTGRES_SETTINGS | settings
        self._databases = 0
        self._bin = _postgres_bin()
        data, secret = folder / "data", folder / "password"
        data.mkdir(mode=0o700)
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(data, _unprivileged())
        access = ["-U", "postgres", "--pwfile", str(secret), "-A", "scram-sha-256"]
        arguments = ["-D", str(data), *access, "-E", "UTF8", "-N"]
        done = subprocess.run(
            [str(self._bin / "initdb"), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            user=_unprivileged() if os.geteuid() == 0 else None,
        )
        assert done.returncode == 0, done.stderr

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """An empty database; returns its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Runs SQL as superuser; returns the rows as psql prints them."""
        arguments = ["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)]
        done = subprocess.run([str(self._bin / "psql"), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self) -> Sequence[str]:
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        arguments = ["-D", str(self.folder / "data"), "-h", "127.0.0.1", "-p", str(self.port), *settings]
        return [str(self._bin / "postgres"), *arguments]

    def _answers(self) -> bool:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready).returncode == 0

    def _needs_user(self) -> bool:
        return os.geteuid() == 0

    def stop(self) -> None:
        """Without waiting for clients to leave."""
        self._end(signal.SIGINT)


class RedisServer(Server):
    """Redis with an append-only file."""

    name = "redis"

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.port = free_ports(1)[0]
        self._options = options or ("--appendonly", "yes")
        self.url = f"redis://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        program = shutil.which("redis-server")
        if program is None:
            raise NotInstalled("redis-server: not found; `make tools` installs it")
        fixed = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        return [program, *fixed, *self._options]

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False


class NatsServer(Server):
    """NATS with JetStream that syncs each write."""

    name = "nats"

    def __init__(self, folder: Path, *, room: str = "") -> None:
        """`room`: the most that its streams may fill, such as 64MB; empty: as much as there is."""
        super().__init__(folder)
        port, monitoring = free_ports(2)
        self.url = f"nats://127.0.0.1:{port}"
        self.monitoring = f"http://127.0.0.1:{monitoring}"
        limit = f", max_file_store: {room}" if room else ""
        (folder / "nats.conf").write_text(
            f"listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitoring}\n"
            f'jetstream {{ store_dir: "{folder}/jetstream", sync_interval: always{limit} }}\n'
        )

    def _command(self) -> Sequence[str]:
        cache = Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache/kindlocal")
        places = f"{cache}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        program = shutil.which("nats-server", path=places)
        if program is None:
            raise NotInstalled("nats-server: not found; `make tools` builds it")
        return [program, "-c", str(self.folder / "nats.conf")]

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.monitoring}/healthz", timeout=1):
            return True
        return False


def free_ports(count: int) -> list[int]:
    """Ports that are free now and differ; none that Linux gives to connections or a cluster to its nodes.

    A server that is down for a moment would find that another test's connection has got its port.
    """
    chance, found = random.SystemRandom(), set[int]()
    while len(found) < count:
        port = chance.randrange(*_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)


def _postgres_bin() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    if not installed and not on_path:
        raise NotInstalled("postgres: not found; `make tools` installs it")
    return installed[-1].parent if installed else Path(str(on_path)).resolve().parent


def _unprivileged() -> str:
    return "nobody"


def die_with_parent() -> None:
    """Linux: a test run that is killed leaves no server behind (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
