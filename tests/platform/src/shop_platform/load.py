"""`load`: drives catalog until its autoscaler adds pods, shows how, stops, and shows it shrink."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shop_platform.kubectl import Json, Kubectl
from shop_platform.openload import OpenLoad, Summary, ramp, summarise
from shop_platform.platform import SHOP, Platform
from shop_platform.process import Failure
from shop_platform.status import autoscaler_target, quantity

SERVICE = "catalog"
START, OVER = 5.0, 40.0  # requests per second at first; seconds of rising
PEAK_PODS = 3.5  # the load rises to what this many pods are meant for
GROW = 150.0  # seconds of load at most
HOLD = 12.0  # seconds without a change that end it once pods were added
SHRINK = 300.0  # seconds at most until they are gone
EVERY, PLAIN_EVERY = 2.0, 4.0  # seconds between looks at the cluster, and between lines without a terminal


@dataclass(frozen=True)
class Scale:
    """Pods of the service and what its autoscaler sees."""

    ready: int
    wanted: int
    target: str


@dataclass
class Trace:
    """What was seen so far, for the live view and the last line."""

    begun: float = field(default_factory=time.monotonic)
    phase: str = "rising"
    scale: Scale = field(default_factory=lambda: Scale(0, 0, ""))
    now: Summary = field(default_factory=lambda: summarise([], 1))
    changes: list[tuple[float, str]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.begun

    def see(self, scale: Scale) -> None:
        """Takes note of a look at the cluster, and of what changed since the one before."""
        if scale.wanted != self.scale.wanted:
            self.changes.append(
                (self.seconds, f"autoscaler: {self.scale.wanted} → {scale.wanted} ({scale.target})")
            )
        if scale.ready != self.scale.ready:
            self.changes.append((self.seconds, f"ready: {self.scale.ready} → {scale.ready}"))
        self.scale = scale

    def settled(self, seconds: float) -> bool:
        """Whether the load has been level, and the pods as many as wanted, for so long."""
        last = max([OVER, *(at for at, _ in self.changes)])
        return self.scale.ready == self.scale.wanted and self.seconds > last + seconds

    def line(self) -> str:
        """The present in one line."""
        now = self.now
        latencies = f"p50 {milliseconds(now.p50)}  p99 {milliseconds(now.p99)}"
        scale = self.scale
        requests = f"{now.rate:5.1f}/s  {latencies}  failed {now.failed}"
        pods = f"pods {scale.ready}/{scale.wanted}  {scale.target}"
        return f"{self.seconds:4.0f} s  {self.phase:<9}{requests}  {pods}"


def milliseconds(seconds: float) -> str:
    """Six characters: `  12 ms`, or a dash."""
    return f"{seconds * 1000:4.0f} ms" if seconds == seconds else "   –   "


def scale_of(found: list[Json]) -> Scale:
    """From the lists of Deployments and HPAs of the namespace."""
    deployment = next(o for o in found if o["kind"] == "Deployment" and o["metadata"]["name"] == SERVICE)
    autoscalers = [
        o
        for o in found
        if o["kind"] == "HorizontalPodAutoscaler" and o["spec"]["scaleTargetRef"]["name"] == SERVICE
    ]
    target = autoscaler_target(autoscalers[0]) if autoscalers else "no autoscaler"
    return Scale(
        deployment.get("status", {}).get("readyReplicas", 0), deployment["spec"].get("replicas", 0), target
    )


def look(kubectl: Kubectl) -> Scale:
    """The present scale; raises Failure."""
    return scale_of(kubectl.items("deployments,horizontalpodautoscalers", "-n", SHOP))


def peak(service: Json) -> float:
    """Requests per second to rise to: more than one pod is meant for, by the ShopService's own target."""
    autoscaling = service.get("spec", {}).get("autoscaling") or {}
    targets = [
        quantity(str(one["target"]))
        for one in autoscaling.get("metrics", [])
        if one["type"] == "RequestsPerSecond"
    ]
    if not targets:
        raise Failure(
            f"{SERVICE} is not scaled on RequestsPerSecond: `kubectl get shop {SERVICE} -n {SHOP} -o yaml`"
        )
    return targets[0] * PEAK_PODS * max(1, int(autoscaling.get("min", 1)))


def paths(base: str) -> list[str]:
    """What is asked for: the list of products and each product of its first page. Raises Failure."""
    try:
        answer = httpx.get(f"{base}/products", params={"limit": 20}, timeout=10)
        products = answer.raise_for_status().json()["items"]
    except (httpx.HTTPError, json.JSONDecodeError, KeyError) as error:
        raise Failure(f"{base}/products does not list products: {error}", "`make up` seeds them") from error
    if not products:
        raise Failure(f"{base}/products is empty: `make up` seeds it")
    each = [f"/products/{product['id']}" for product in products]
    return [path for one in each for path in ("/products?limit=20", one)]


@contextmanager
def shown(console: Console, trace: Trace) -> Iterator[Callable[[], None]]:
    """A live view in a terminal, lines elsewhere; gives what is to be called as time passes."""
    if console.is_terminal:
        with Live(get_renderable=lambda: view(trace), console=console, refresh_per_second=4):
            yield lambda: None
        return
    printed = 0
    last = -PLAIN_EVERY

    def tell() -> None:
        nonlocal printed, last
        for at, what in trace.changes[printed:]:
            console.print(f"{at:4.0f} s  ** {what}")
        printed = len(trace.changes)
        if trace.seconds - last >= PLAIN_EVERY:
            last = trace.seconds
            console.print(trace.line())

    yield tell


def view(trace: Trace) -> RenderableType:
    """The live view: the present, and what changed."""
    grid = Table.grid(padding=(0, 3))
    now, scale = trace.now, trace.scale
    grid.add_row("phase", "requests", "p50", "p99", "failed", "pods", "autoscaler sees", style="dim")
    pods = f"{'●' * scale.ready}{'○' * max(0, scale.wanted - scale.ready)} {scale.ready}/{scale.wanted}"
    failed = Text(str(now.failed), "red" if now.failed else "green")
    latencies = milliseconds(now.p50), milliseconds(now.p99)
    grid.add_row(trace.phase, f"{now.rate:.1f}/s", *latencies, failed, pods, scale.target, style="bold")
    history = [Text(f"{at:5.0f} s  {what}", "cyan") for at, what in trace.changes[-12:]]
    return Group(Text(f"{SERVICE}, {trace.seconds:.0f} s"), grid, *history)


async def drive(platform: Platform, console: Console) -> str:
    """The whole run; gives the last line. Raises Failure."""
    kubectl = platform.kubectl
    service = kubectl.get("shopservices.shopservice.dev", SERVICE, "-n", SHOP)
    if not service:
        raise Failure(f"there is no ShopService {SERVICE} in the namespace {SHOP}: run `make up`")
    base = platform.url(SERVICE)
    top = peak(service)
    load = OpenLoad(base, paths(base), ramp(START, top, OVER))
    trace = Trace()
    trace.scale = first = await asyncio.to_thread(look, kubectl)
    console.print(f"{base}: {START:.0f} → {top:.0f} requests per second over {OVER:.0f} s; Ctrl-C ends it")
    sending = asyncio.create_task(load.run())
    added = 0.0
    try:
        with shown(console, trace) as tell:
            while trace.seconds < GROW and not (added and trace.settled(HOLD)):
                await tick(trace, load, kubectl, tell)
                trace.phase = "rising" if trace.seconds < OVER else "level"
                if not added and trace.scale.ready > first.ready:
                    added = trace.seconds
            load.stop()
            await sending
            stopped, trace.phase = trace.seconds, "shrinking"
            while added and trace.seconds < stopped + SHRINK and trace.scale.wanted > first.ready:
                await tick(trace, load, kubectl, tell)
    finally:
        load.stop()
        with suppress(asyncio.CancelledError):
            await sending
    whole = summarise(load.samples, stopped)
    numbers = f"{whole.count:,} requests, {whole.failed} failed, "
    numbers += f"p50 {whole.p50 * 1000:.0f} ms, p99 {whole.p99 * 1000:.0f} ms"
    if whole.errors:
        numbers += f" ({'; '.join(whole.errors)})"
    if not added:
        raise Failure(f"no pod was added in {GROW:.0f} s: {numbers}; the autoscaler saw {trace.scale.target}")
    most = max(int(what.rpartition("→ ")[2]) for _, what in trace.changes if what.startswith("ready"))
    back = f"back to {trace.scale.wanted} after {trace.seconds - stopped:.0f} s"
    return f"{numbers}; {first.ready} → {most} pods, the first after {added:.1f} s; {back}"


async def tick(trace: Trace, load: OpenLoad, kubectl: Kubectl, tell: Callable[[], None]) -> None:
    """Some time passes; the trace is brought up to date."""
    pause = asyncio.sleep(EVERY)
    trace.see(await asyncio.to_thread(look, kubectl))
    trace.now = load.recent(5.0)
    tell()
    await pause
