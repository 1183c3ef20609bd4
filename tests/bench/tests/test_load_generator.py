"""The generator as the process that it is: people come whether or not those before them have been served."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shop_bench.load import samples
from shop_bench.load.command import generator
from shop_bench.load.profiles import PROFILES, Shape, everybody
from shop_bench.load.samples import ARRIVAL, FAILED, Request

LAMP = "018f6d2e-6f00-7cc0-8000-1f6a2d0c0001"
SHAPE = Shape(base=12, peak=12, before=0, hold=1, after=0, mix={"glance": 1})
ARRIVALS = everybody("1", PROFILES["steady"](SHAPE), SHAPE.seconds)
Answer = Callable[[str], Any]
"""The body for a path."""


def catalog(path: str) -> Any:
    lamp = {"id": LAMP, "price": {"amount": 4900, "currency": "EUR"}, "active": True, "available": 3}
    return lamp if path == f"/products/{LAMP}" else {"items": [lamp] if path == "/products" else []}


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """A catalog's URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps(answer(self.path.partition("?")[0])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the samples have it."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def came(answer: Answer, folder: Path) -> tuple[int, list[str], list[Request]]:
    """The generator's exit code, its lines, and what its people saw."""
    file = folder / "samples.jsonl"
    with served(answer) as url:
        more = ("--seed", "1", "--pace", "0.01", "--samples", str(file))
        words = generator("steady", {"catalog": url}, asdict(SHAPE), *more)
        ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ended.returncode in (0, FAILED), ended.stderr
    return ended.returncode, ended.stdout.splitlines(), list(samples.read(file))


def test_nobody_waits_for_those_who_came_before(tmp_path: Path) -> None:
    everybody_is_there = threading.Barrier(len(ARRIVALS), timeout=60)

    def wait_for_all(path: str) -> Any:
        if path == f"/products/{LAMP}":
            everybody_is_there.wait()
        return catalog(path)

    code, lines, requests = came(wait_for_all, tmp_path)
    assert (code, [each.error for each in requests if each.error]) == (0, [])
    arrived = [each for each in requests if each.route == ARRIVAL]
    begun = float(lines[0].removeprefix("begun "))
    assert [each.due - begun for each in arrived] == pytest.approx([at for at, _ in ARRIVALS], abs=0.002)
    assert len(requests) == len(arrived) * (1 + 3), "a glance is three requests"
    assert lines[-1].startswith(f"{len(ARRIVALS)} people came")


def test_a_wrong_answer_is_told_and_ends_in_its_own_exit_code(tmp_path: Path) -> None:
    def another(path: str) -> Any:
        found = catalog(path)
        return {**found, "id": "another"} if path == f"/products/{LAMP}" else found

    code, lines, requests = came(another, tmp_path)
    assert code == FAILED
    assert {each.error for each in requests if each.route == "GET /products/{id}"} == {"another product"}
    assert f"{len(ARRIVALS)} × catalog GET /products/{{id}}: another product" in lines
