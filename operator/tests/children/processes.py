"""Runs the scripts of database and cache pods as the pods do: an ordinary user, files for the binding."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shop_operator.children.scripts import folder


class Pod:
    """A folder that stands for a pod's volumes, and the processes in it."""

    def __init__(self, root: Path, scripts: str, user: str | None) -> None:
        self.root, self.user = root, user
        self.bindings = root / "bindings"
        self.env: dict[str, str] = {"SERVICE_BINDING_ROOT": str(self.bindings)}
        self._processes: list[subprocess.Popen[bytes]] = []
        for name, text in folder(scripts).items():
            self.write(f"config/{name}", text)

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        for made in (target, *target.parents):
            if made == self.root.parent:
                break
            self._own(made)

    def bind(self, binding: str, values: Mapping[str, str]) -> None:
        """What the kubelet does when the Secret changes."""
        for key, value in values.items():
            self.write(f"bindings/{binding}/{key}", value)

    def start(self, script: str, **env: str) -> subprocess.Popen[bytes]:
        log = open(self.root / f"{script}.log", "ab")  # noqa: SIM115 - the process's own
        process = subprocess.Popen(
            ["/bin/sh", str(self.root / "config" / script)],
            env={"PATH": os.environ["PATH"], **self.env, **env},
            stdout=log,
            stderr=log,
            user=self.user,
            cwd="/",
        )
        log.close()
        self._processes.append(process)
        return process

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], **self.env, **env},
            user=self.user,
            cwd="/",
            text=True,
            capture_output=True,
            timeout=60,
        )

    def script(self, name: str, *args: str) -> bool:
        """Whether a probe succeeds."""
        return self.run("/bin/sh", str(self.root / "config" / name), *args).returncode == 0

    def log(self, script: str) -> str:
        return (self.root / f"{script}.log").read_text()

    def end(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
                process.wait(30)

    def _own(self, path: Path) -> None:
        if self.user:
            shutil.chown(path, self.user)


@contextmanager
def pod(scripts: str, user: str) -> Iterator[Pod]:
    """A pod whose processes belong to `user` when this is root, and to whoever this is otherwise."""
    root = Path(tempfile.mkdtemp(prefix="pod-"))
    found = Pod(root, scripts, user if os.geteuid() == 0 and _exists(user) else None)
    try:
        yield found
    finally:
        found.end()
        shutil.rmtree(root)


def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not after {seconds} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
