"""For tests: a local shop as a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from shop_chassis.testing.servers import die_with_parent

from shop.local.addresses import Addresses, find

START_SECONDS = 240.0
LOCAL = (sys.executable, "-m", "shop", "local", "--port", "0", "--dir", ".")


class LocalShop:
    """`shop local` on free ports, in a folder of its own; what it prints goes to `output`."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        """`options`: more of the command's; `environment`: more of its variables."""
        self.folder = folder
        self.output = folder / "output.txt"
        self._program = (*LOCAL, *options)
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Addresses:
        """Returns when it is ready."""
        with self.output.open("wb") as out:
            self._process = subprocess.Popen(
                self._program,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if (addresses := find(self.folder)) is not None:
                return addresses
            time.sleep(0.05)
        raise AssertionError(f"shop local did not start:\n{self.output.read_text()[-3000:]}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends it as Ctrl-C does; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)

    def kill(self) -> None:
        """Ends it as a power cut does, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(START_SECONDS)
