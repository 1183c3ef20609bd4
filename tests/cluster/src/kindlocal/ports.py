"""``extraPortMappings``: ports of the host that lead to ports of the node.

A process of the cluster on the host accepts and copies, as Docker's does for kind. It ends with the node,
leaves no rule behind, honours the listen address and shows a busy port at once: iptables would do none of it.

Run by kindlocal.lifecycle as ``python -m kindlocal.ports NODE_PID NODE_ADDRESS [FD=PORT …]``.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from kindlocal.errors import KindlocalError

CHUNK = 1 << 18  # bytes


@dataclass(frozen=True)
class Mapping:
    """One mapping of a kind configuration."""

    container_port: int
    host_port: int
    listen_address: str = "0.0.0.0"


def listen(mappings: Sequence[Mapping]) -> list[socket.socket]:
    """Open the host's ports.

    Raises KindlocalError when one is taken.
    """
    sockets = []
    for mapping in mappings:
        family = socket.AF_INET6 if ":" in mapping.listen_address else socket.AF_INET
        try:
            sockets.append(socket.create_server((mapping.listen_address, mapping.host_port), family=family))
        except OSError as error:
            raise KindlocalError(
                f"cannot listen on {mapping.listen_address}:{mapping.host_port}: "
                f"{os.strerror(error.errno or 0)}; free the port (`ss -ltnp sport = :{mapping.host_port}`) "
                "or choose another hostPort"
            ) from None
    return sockets


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def _serve(listener: socket.socket, address: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            node_reader, node_writer = await asyncio.open_connection(address, port)
            with contextlib.closing(node_writer):
                await asyncio.gather(_copy(reader, node_writer), _copy(node_reader, writer))

    await asyncio.start_server(connected, sock=listener, limit=CHUNK)


async def _forward(node: int, address: str, sockets: dict[int, int]) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(os.pidfd_open(node), ended.set)
    for fd, port in sockets.items():
        await _serve(socket.socket(fileno=fd), address, port)
    await ended.wait()


def main() -> None:
    """Forward until the node ends."""
    node, address, *pairs = sys.argv[1:]
    sockets = {int(fd): int(port) for fd, _, port in (pair.partition("=") for pair in pairs)}
    asyncio.run(_forward(int(node), address, sockets))


if __name__ == "__main__":
    main()
