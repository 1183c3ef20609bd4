"""The cluster by kubectl: what it says, and a way to a service in it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWER_SECONDS = 30


class NoCluster(Exception):  # noqa: N818 - the message says what is wrong
    """kubectl is missing or did not do what was asked; says why."""


def kubectl(*arguments: str) -> str:
    """What it prints. Raises NoCluster."""
    done = subprocess.run([_program(), *arguments], capture_output=True, text=True, timeout=ANSWER_SECONDS)
    if done.returncode != 0:
        raise NoCluster(done.stderr.strip())
    return done.stdout


@contextmanager
def forwarded(service: str, namespace: str, port: int) -> Iterator[int]:
    """The port of this machine by which a Service of the cluster is reached meanwhile. Raises NoCluster."""
    command = [_program(), "port-forward", "-n", namespace, f"service/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            told = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+) ->", told)
            if found is None:
                raise NoCluster(process.stderr.read().strip() or f"kubectl port-forward said {told!r}")
            yield int(found[1])
        finally:
            process.terminate()


def _program() -> str:
    cache = Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache/kindlocal")
    found = shutil.which("kubectl", path=f"{os.environ.get('PATH', '')}:{cache / 'bin'}")
    if found is None:
        raise NoCluster("kubectl: not found on the PATH")
    return found
