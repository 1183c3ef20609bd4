"""Ports of the host lead to the node's, until the node ends."""

import os
import socket
import subprocess
import sys

import pytest
from kindlocal.errors import KindlocalError
from kindlocal.ports import Mapping, listen


def test_bytes_go_both_ways_and_the_end_of_each_is_passed_on() -> None:
    with socket.create_server(("127.0.0.2", 0)) as node, subprocess.Popen(["sleep", "600"]) as first:
        port = node.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            command = [sys.executable, "-m", "kindlocal.ports", str(first.pid), "127.0.0.2"]
            forwarder = subprocess.Popen(
                [*command, f"{listener.fileno()}={port}"], pass_fds=[listener.fileno()]
            )
        with socket.create_connection(address) as client:
            client.sendall(b"question" * 100_000)
            client.shutdown(socket.SHUT_WR)
            served, _ = node.accept()
            with served, served.makefile("rb") as asked, client.makefile("rb") as answer:
                assert asked.read() == b"question" * 100_000
                served.sendall(b"answer")
                served.shutdown(socket.SHUT_WR)
                assert answer.read() == b"answer"
        first.kill()
        assert forwarder.wait(10) == 0


def test_a_busy_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(
            KindlocalError, match=rf"cannot listen on 127.0.0.1:{port}: Address already in use; free"
        ):
            listen([Mapping(80, 0, "127.0.0.1"), Mapping(81, port, "127.0.0.1")])
        assert len(os.listdir("/proc/self/fd")) == before
