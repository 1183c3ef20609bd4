"""Prometheus as a process of its own: scrapes what it is told of, evaluates rules, and answers.

with Prometheus(folder, groups) as prometheus:
    prometheus.scrape("catalog", "127.0.0.1:8080", namespace="shop", pod="catalog-1")
"""

import json
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml

from kindlocal.errors import KindlocalError
from kindlocal.paths import binary

START_SECONDS = 60.0


class Prometheus:
    """A context manager. `url` is where it answers, `every` how many seconds lie between two scrapes."""

    def __init__(
        self,
        folder: Path,
        groups: list[dict[str, Any]] | None = None,
        *,
        every: int = 1,
        flags: tuple[str, ...] = (),
    ) -> None:
        """`folder` gets its data; `groups` are rules, all of them evaluated as often as is scraped."""
        self._folder, self._flags, self.every = folder, flags, every
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{self._address}"
        self._targets: dict[str, dict[str, Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        timely = [{**group, "interval": f"{every}s"} for group in groups or []]
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": timely}))
        scraped = {
            "job_name": "any",
            "honor_labels": True,
            "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}],
        }
        config = {
            "global": {"scrape_interval": f"{every}s", "scrape_timeout": f"{every}s"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [scraped],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self._write()

    def scrape(self, job: str, address: str, **labels: str) -> None:
        """From now on this target is scraped, instead of the job's one before; the next scrapes say so."""
        self._targets[job] = {"targets": [address], "labels": {"job": job, **labels}}
        self._write()

    def start(self) -> None:
        """Returns when it answers. Raises KindlocalError with its last words when it does not."""
        log = self._folder / "prometheus.log"
        command = [
            str(binary("prometheus")),
            f"--config.file={self._folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self._address}",
            *self._flags,
        ]
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=1):
                return
            time.sleep(0.05)
        self.stop()
        raise KindlocalError(f"Prometheus did not start:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ends it; its data stay in the folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def _write(self) -> None:
        # At once, not in parts: it is read whenever it changes.
        new = self._folder / "targets.new"
        new.write_text(json.dumps(list(self._targets.values())))
        new.replace(self._folder / "targets.json")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
