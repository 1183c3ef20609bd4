"""The load: what it counts, on connections that are kept and on ones that break."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from shop_bench.services import load
from shop_bench.services.crowd import Crowd
from shop_bench.services.routes import ROUTES, Route
from shop_bench.services.wire import Answer, Connections

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Server:
    """Answers each request alike; counts connections and requests."""

    url: str = ""
    answer: bytes = OK
    hangs_up: bool = False
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                if self.hangs_up:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state = Server()
    listener = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield state
    listener.close()


async def test_requests_one_after_the_other_share_a_connection(server: Server) -> None:
    connections = Connections(server.url)
    request = connections.request("GET", "/a", X_Forwarded_For="10.0.0.1")
    answers = [await connections.exchange(request) for _ in range(3)]
    connections.close()
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"ok")}
    assert server.connections == 1
    assert server.heads[0].startswith(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Forwarded-For: 10.0.0.1\r\n" in server.heads[0]


async def test_requests_at_the_same_time_have_a_connection_each(server: Server) -> None:
    connections = Connections(server.url)
    request = connections.request("GET", "/")
    await asyncio.gather(*(connections.exchange(request) for _ in range(4)))
    connections.close()
    assert server.connections == 4


async def test_an_answer_in_chunks_is_put_together(server: Server) -> None:
    head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.answer = head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    connections = Connections(server.url)
    answer = await connections.exchange(connections.request("POST", "/", {"a": 1}))
    connections.close()
    assert (answer.status, answer.body) == (201, b"abc")


async def test_a_connection_that_the_server_closed_is_not_used_again(server: Server) -> None:
    server.hangs_up = True
    connections = Connections(server.url)
    request = connections.request("GET", "/")
    for _ in range(2):
        assert (await connections.exchange(request)).status == 200
        await asyncio.sleep(0.01)  # the end of the connection comes after the answer
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"", b"no HTTP at all\r\n\r\n"])
async def test_no_answer_is_an_error(server: Server, answer: bytes) -> None:
    server.answer, server.hangs_up = answer, True
    connections = Connections(server.url)
    with pytest.raises(OSError):
        await connections.exchange(connections.request("GET", "/"))


async def test_saturating_keeps_so_many_under_way() -> None:
    under_way, most = 0, 0

    async def send() -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return ""

    row = await load.measure(load.Saturating(send, 5), {"nobody": lambda: 0.0}, warm=0.02, seconds=0.1)
    assert most == 5
    assert row["answered"] > 5
    assert (row["failed"], under_way) == (0, 0)


async def test_what_happens_while_it_warms_up_does_not_count() -> None:
    calls = 0

    async def send() -> str:
        nonlocal calls
        calls += 1
        return "refused" if calls == 1 else ""

    row = await load.measure(load.at_rate(send, 200), {"service": lambda: 0.0}, warm=0.05, seconds=0.1)
    assert row["failed"] == 0
    assert row["answered"] < calls


class Recorder(Connections):
    """Sends nothing; answers as user does to a refresh."""

    def __init__(self) -> None:
        super().__init__("http://service:80")
        self.asked: list[bytes] = []

    async def exchange(self, request: bytes) -> Answer:
        self.asked.append(request)
        return Answer(200, b'{"refresh_token": "next"}')


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_a_route_is_asked_without_end_and_each_time_for_another(route: Route) -> None:
    crowd = Crowd(
        products=[f"product-{number}" for number in range(30)],
        shoppers=["ann", "ben"],
        fillers=["cy", "di"],
        orders=[("ann", "1"), ("ben", "2")],
        logins=[{"email": "ann@shop.example"}, {"email": "ben@shop.example"}],
        sessions=deque(["first"]),
    )
    connections = Recorder()
    send = route.sending(crowd, connections)
    assert [await send() for _ in range(100)] == [""] * 100
    assert len(set(connections.asked)) > 1


async def test_each_refresh_uses_the_token_of_the_answer_before() -> None:
    crowd = Crowd([], [], [], [], [], deque(["first"]))
    connections = Recorder()
    send = next(route for route in ROUTES if route.name == "refresh").sending(crowd, connections)
    for _ in range(2):
        await send()
    assert [b'"first"' in request for request in connections.asked] == [True, False]
    assert b'"next"' in connections.asked[1]
    assert [*crowd.sessions] == ["next"]
