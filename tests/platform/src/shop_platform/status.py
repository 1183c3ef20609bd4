"""`status`: one screen of what runs, how much of it and how it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from shop_platform.kubectl import Json, unwell
from shop_platform.observe import Seen

NOTHING = "-"


@dataclass(frozen=True)
class ServiceRow:
    """One ShopService as numbers and words."""

    name: str
    ready: str
    replicas: str
    target: str
    rate: str
    p99: str
    database: str
    why: str = ""


def condition(found: Json, kind: str) -> Json:
    """A condition of an object; `{}` where it has none of that type."""
    conditions = found.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number: `250m`, `1536Ki`, `12n`; raises ValueError."""
    scales = {
        "n": 1e-9,
        "u": 1e-6,
        "m": 1e-3,
        "k": 1e3,
        "M": 1e6,
        "G": 1e9,
        "Ki": 2**10,
        "Mi": 2**20,
        "Gi": 2**30,
        "Ti": 2**40,
    }
    for suffix in sorted(scales, key=len, reverse=True):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * scales[suffix]
    return float(text)


def autoscaler_target(autoscaler: Json) -> str:
    """`18.5 of 20` for each metric of an HPA: what it sees per pod, and what it aims at."""
    current = dict(metrics(autoscaler.get("status", {}).get("currentMetrics") or []))
    told = []
    for name, metric in metrics(autoscaler.get("spec", {}).get("metrics") or []):
        aim, seen = metric["target"], current.get(name, {}).get("current", {})
        unit = "%" if "averageUtilization" in aim else ""
        key = "averageUtilization" if unit else "averageValue"
        now = f"{quantity(str(seen[key])):.3g}{unit}" if key in seen else "unknown"
        told.append(f"{now} of {quantity(str(aim.get(key, aim.get('value', 0)))):.3g}{unit}")
    return ", ".join(told)


def metrics(entries: list[Json]) -> Iterator[tuple[str, Json]]:
    """(what it is called, its details) of metrics in an HPA's spec or status."""
    for entry in entries:
        detail = entry.get(entry["type"][:1].lower() + entry["type"][1:]) or {}
        yield str(detail.get("metric", {}).get("name") or detail.get("name", entry["type"])), detail


def service_rows(seen: Seen) -> list[ServiceRow]:
    """The ShopServices, each with its Deployment, autoscaler and metrics."""
    deployments = {one["metadata"]["name"]: one for one in seen.deployments}
    autoscalers = {one["spec"]["scaleTargetRef"]["name"]: one for one in seen.autoscalers}
    rows = []
    for service in seen.services:
        name, spec = service["metadata"]["name"], service["spec"]
        deployment = deployments.get(name, {})
        status = deployment.get("status", {})
        wanted = deployment.get("spec", {}).get("replicas", 0)
        ready = condition(service, "Ready")
        scaled = autoscalers.get(name)
        limits = spec.get("autoscaling") or {}
        bounds = f" ({limits.get('min', 1)}–{limits['max']})" if limits.get("max") else ""
        target = autoscaler_target(scaled) if scaled else ""
        if deployment and not wanted:
            target = "asleep"
        stored = condition(service, "DatabaseReady")
        well = ready.get("status") == "True"
        rows.append(
            ServiceRow(
                name,
                "yes" if well else "no",
                f"{status.get('readyReplicas', 0)}/{wanted}{bounds}" if deployment else NOTHING,
                target or NOTHING,
                f"{seen.rate[name]:.1f}/s" if name in seen.rate else NOTHING,
                f"{seen.p99[name] * 1000:.0f} ms" if name in seen.p99 else NOTHING,
                ("Ready" if stored.get("status") == "True" else stored.get("reason", "no"))
                if "database" in spec
                else NOTHING,
                ""
                if well
                else ": ".join(filter(None, [ready.get("reason"), ready.get("message")])) or "no status yet",
            )
        )
    return rows


def stream_rows(streams: list[Json]) -> list[tuple[str, str, str, str]]:
    """(stream, messages, consumer, lag) for each consumer; lag is what it has not acknowledged.

    Replicas that each read a stream for themselves are one row, with the lag of the last of them.
    """
    rows = []
    for stream in streams:
        name, messages = stream["name"], f"{stream.get('state', {}).get('messages', 0):,}"
        consumers = stream.get("consumer_detail") or []
        named = [one for one in consumers if one.get("config", {}).get("durable_name")]
        passing = [_lag(one) for one in consumers if one not in named]
        lags = [(str(one["name"]), str(_lag(one))) for one in named]
        if passing:
            lags.append((f"{len(passing)} of replicas", str(max(passing))))
        rows += [(name, messages, *each) for each in lags or [(NOTHING, NOTHING)]]
    return rows


def _lag(consumer: Json) -> int:
    return int(consumer.get("num_pending", 0) + consumer.get("num_ack_pending", 0))


def addon_words(workloads: list[Json]) -> list[tuple[str, bool]]:
    """(`keda/keda-operator 1/1`, whether it is as wanted) for each addon."""
    told = []
    for one in workloads:
        wanted, ready = one["spec"].get("replicas", 1), one.get("status", {}).get("readyReplicas", 0)
        told.append(
            (f"{one['metadata']['namespace']}/{one['metadata']['name']} {ready}/{wanted}", ready >= wanted)
        )
    return told


def node_words(seen: Seen) -> list[str]:
    """What each node has and what is used of it."""
    usage = {one["metadata"]["name"]: one["usage"] for one in seen.usage}
    told = []
    for node in seen.nodes:
        name, room = node["metadata"]["name"], node["status"]["allocatable"]
        cores, memory = quantity(room["cpu"]), quantity(room["memory"]) / 2**30
        words = f"{name}: {cores:.0f} cores, {memory:.1f} GiB"
        if used := usage.get(name):
            gib = quantity(used["memory"]) / 2**30
            words += f"; in use {quantity(used['cpu']):.2f} cores, {gib:.1f} GiB"
        told.append(words)
    return told


def trouble(seen: Seen) -> list[str]:
    """Pods that are not well, services that are not ready, and what could not be asked."""
    told = [f"{row.name}: {row.why}" for row in service_rows(seen) if row.why]
    for namespace in sorted({pod["metadata"]["namespace"] for pod in seen.pods}):
        pods = [pod for pod in seen.pods if pod["metadata"]["namespace"] == namespace]
        told += [f"pod {namespace}/{pod}: {reason}" for pod, _, reason in unwell(pods)]
    return [*told, *seen.problems]


def screen(seen: Seen) -> RenderableType:
    """All of it, for a terminal."""
    services = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("SERVICE", "READY", "PODS", "AUTOSCALER", "RATE", "P99", "DATABASE"):
        services.add_column(title, justify="right" if title in ("RATE", "P99") else "left")
    for row in service_rows(seen):
        mark = Text(row.ready, "green" if row.ready == "yes" else "red")
        services.add_row(row.name, mark, row.replicas, row.target, row.rate, row.p99, row.database)
    broker = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("STREAM", "MESSAGES", "CONSUMER", "LAG"):
        broker.add_column(title, justify="right" if title in ("MESSAGES", "LAG") else "left")
    for stream in stream_rows(seen.streams):
        broker.add_row(*stream)
    around = Text("around: ")
    for words, well in addon_words(seen.workloads):
        around.append(words, "" if well else "red").append("  ")
    parts: list[RenderableType] = [
        services,
        "",
        broker,
        "",
        around,
        *(Text(words) for words in node_words(seen)),
    ]
    if not seen.services:
        parts[0] = Text("no ShopService is here: run `make up`", "yellow")
    problems = trouble(seen)
    if problems:
        parts += ["", Text("not well", "bold red"), *(Text(f"  {words}") for words in problems)]
    return Group(*parts)


def show(console: Console, seen: Seen) -> None:
    """Prints the screen."""
    console.print(screen(seen), soft_wrap=False)
