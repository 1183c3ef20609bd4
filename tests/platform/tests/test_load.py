import asyncio
import math

import pytest
from rich.console import Console
from shop_platform.load import Scale, Trace, peak, scale_of, shown, view
from shop_platform.openload import OpenLoad, Sample, percentile, ramp, summarise
from shop_platform.process import Failure


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_percentile_is_a_value_that_occurred(share, expected):
    assert percentile(range(1, 101), share) == expected


def test_percentile_of_nothing_is_no_number():
    assert math.isnan(percentile([], 0.5))


def test_summary_counts_failures_apart():
    samples = [Sample(0, 0.010), Sample(0, 0.030), Sample(0, 9.0, "status 500"), Sample(0, 0.020)]
    summary = summarise(samples, 2.0)
    assert (summary.count, summary.failed, summary.rate) == (4, 1, 2.0)
    assert (summary.p50, summary.p99, summary.errors) == (0.020, 0.030, ("status 500",))


def test_the_rate_rises_and_stays():
    rate = ramp(10, 30, 20)
    assert [rate(0), rate(10), rate(20), rate(99)] == [10, 20, 30, 30]


@pytest.fixture
async def server():
    """A server that answers as its `answer` says; counts connections."""

    class Server:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        delay = 0.0
        seen: list[str]

    state = Server()
    state.seen = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        state.seen.append(head.split()[1].decode())
        await asyncio.sleep(state.delay)
        writer.write(state.answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    state.url = f"http://127.0.0.1:{port}"
    yield state
    listener.close()


async def send(url, seconds, rate):
    load = OpenLoad(url, ["/a", "/b"], lambda at: rate)
    running = asyncio.create_task(load.run())
    await asyncio.sleep(seconds)
    load.stop()
    await running
    return load.samples


async def test_requests_leave_on_schedule_on_connections_of_their_own(server):
    samples = await send(server.url, 0.5, 100)
    assert 40 <= len(samples) <= 55
    assert not [sample for sample in samples if sample.error]
    assert len(server.seen) == len(samples)
    assert set(server.seen) == {"/a", "/b"}


async def test_a_slow_service_does_not_slow_the_load(server):
    server.delay = 0.4
    samples = await send(server.url, 0.5, 100)
    assert len(samples) >= 40
    assert min(sample.latency for sample in samples) >= 0.4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "answer cut short"),
        (b"", "connection closed without an answer"),
    ],
)
async def test_a_bad_answer_is_a_failure_with_a_reason(server, answer, error):
    server.answer = answer
    samples = await send(server.url, 0.1, 50)
    assert samples
    assert {sample.error for sample in samples} == {error}


async def test_a_closed_port_is_a_failure_with_a_reason(unused_tcp_port):
    samples = await send(f"http://127.0.0.1:{unused_tcp_port}", 0.1, 50)
    assert samples
    assert all("refused" in sample.error.lower() for sample in samples)


def service(**autoscaling):
    return {"spec": {"autoscaling": autoscaling}}


def test_the_load_rises_beyond_what_one_pod_is_meant_for():
    metrics = [{"type": "Cpu", "target": "70"}, {"type": "RequestsPerSecond", "target": "20"}]
    assert peak(service(min=1, max=6, metrics=metrics)) == 70


def test_without_a_target_in_requests_there_is_no_load():
    with pytest.raises(Failure, match="RequestsPerSecond"):
        peak(service(min=1, metrics=[{"type": "Cpu", "target": "70"}]))


def test_scale_is_read_from_deployment_and_autoscaler():
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "catalog"},
        "spec": {"replicas": 4},
        "status": {"readyReplicas": 2},
    }
    metric = {"type": "External", "external": {"metric": {"name": "s0"}, "target": {"averageValue": "20"}}}
    seen = {"type": "External", "external": {"metric": {"name": "s0"}, "current": {"averageValue": "37500m"}}}
    autoscaler = {
        "kind": "HorizontalPodAutoscaler",
        "spec": {"scaleTargetRef": {"name": "catalog"}, "metrics": [metric]},
        "status": {"currentMetrics": [seen]},
    }
    assert scale_of([deployment, autoscaler]) == Scale(2, 4, "37.5 of 20")


def test_changes_are_told_once_and_in_order(capsys):
    trace = Trace(scale=Scale(1, 1, "5 of 20"))
    console = Console(width=150, force_terminal=False)
    with shown(console, trace) as tell:
        for scale in (Scale(1, 1, "15 of 20"), Scale(1, 3, "50 of 20"), Scale(3, 3, "17 of 20")):
            trace.see(scale)
            tell()
    told = [line for line in capsys.readouterr().out.splitlines() if "**" in line]
    assert [line.split("** ")[1] for line in told] == ["autoscaler: 1 → 3 (50 of 20)", "ready: 1 → 3"]


def test_the_view_shows_pods_that_are_wanted_and_ready(capsys):
    Console(width=150).print(view(Trace(scale=Scale(2, 3, "30 of 20"))))
    shows = capsys.readouterr().out
    assert "●●○ 2/3" in shows
    assert "30 of 20" in shows
