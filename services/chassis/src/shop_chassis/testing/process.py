"""A service as the process that a pod runs."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from shop_chassis.testing.servers import START_SECONDS, die_with_parent, free_ports


class ServiceProcess:
    """`python -m MODULE serve`, on a free port; stderr goes to `log`."""

    def __init__(self, module: str, folder: Path, **environment: str) -> None:
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{module}.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "LISTEN_ADDRESS": "127.0.0.1",
            "PORT": str(self.port),
            **environment,
        }
        self._module = module
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the service, `migrate` for example, to its end."""
        return subprocess.run(
            [sys.executable, "-m", self._module, *arguments],
            env=self.environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
        )

    def start(self, *, wait_for: str = "/readyz", seconds: float = START_SECONDS) -> None:
        """Returns when that path answers 200. Raises AssertionError when it ends or `seconds` are over."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, "serve"],
                env=self.environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.status(wait_for) == 200:
                return
            time.sleep(0.05)
        raise AssertionError(f"{self._module} did not start:\n{self.log.read_text()[-3000:]}")

    def status(self, path: str) -> int | None:
        """Of a GET; None when nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def get(self, path: str) -> str:
        """The body of a GET that succeeds."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return str(answer.read().decode())

    def terminate(self) -> None:
        """SIGTERM, as a pod gets it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 30) -> int:
        """The exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def logged(self) -> list[dict[str, Any]]:
        """What it logged, line by line."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
