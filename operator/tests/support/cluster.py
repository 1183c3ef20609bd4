"""A real API server, and the operator as the process that it is in a cluster."""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import multiprocessing.context
import os
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from kindlocal.apiserver import ApiServer
from shop_operator.api.crd import custom_resource_definition
from shop_operator.cli import rbac
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.connection import Connection

AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": ["operator"]}, {"level": "None"}],
}
NAMESPACE = kinds.Kind("v1", "Namespace", "namespaces", namespaced=False)
# The operator's own entry, in a process that is forked from one where its imports are done already.
RUN = """
import os
os.environ.update({env!r})
os.dup2(os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
from shop_operator.engine.main import run
from shop_operator.settings import load
run(load())
"""
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["shop_operator.engine.main"])
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[ApiServer]:
    with ApiServer(audit_policy=AUDIT) as running:
        yield running


class Operator:
    """The operator as a process, limited to one namespace; `user` is who the API server takes it for, `url`
    where it finds that."""

    def __init__(
        self,
        server: ApiServer,
        folder: Path,
        namespace: str,
        user: str = "operator",
        groups: Sequence[str] = (),
        *,
        url: str = "",
    ) -> None:
        self.log = folder / "operator.log"
        self.kubeconfig = folder / "kubeconfig"
        config = yaml.safe_load(server.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": server.token_for(user, groups)}
        config["clusters"][0]["cluster"]["server"] = url or server.url
        self.kubeconfig.write_text(yaml.safe_dump(config))
        self.env = {"KUBECONFIG": str(self.kubeconfig), "SHOP_OPERATOR_NAMESPACE": namespace}
        self.process: multiprocessing.context.ForkServerProcess | None = None

    async def start(self, **env: str) -> None:
        """Return when all lists are in and the workers are at work."""
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            health, self.metrics_port = one.getsockname()[1], two.getsockname()[1]
        self.health = f"http://127.0.0.1:{health}/healthz"
        began = self.log.stat().st_size if self.log.exists() else 0
        env |= self.env | {
            "SHOP_OPERATOR_HEALTH_PORT": str(health),
            "SHOP_OPERATOR_METRICS_PORT": str(self.metrics_port),
        }
        self.process = processes.Process(target=exec, args=(RUN.format(env=env, log=str(self.log)),))
        self.process.start()
        deadline = time.monotonic() + 20
        while '"event": "started"' not in (said := self._said(began)):
            assert self.process.is_alive(), said
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.02)

    def _said(self, since: int = 0) -> str:
        return self.log.read_text()[since:] if self.log.exists() else ""

    def stop(self) -> float:
        """SIGTERM; seconds until it has ended."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> float:
        if self.process is None:
            return 0.0
        began = time.monotonic()
        assert self.process.pid
        os.kill(self.process.pid, how)
        self.process.join(20)
        assert not self.process.is_alive()
        self.process = None
        return time.monotonic() - began

    def metrics(self) -> dict[str, float]:
        """Its metrics, by name with labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    async def idle(self) -> bool:
        """Whether it has nothing to do and is doing nothing."""
        metrics = self.metrics()
        return metrics["shop_operator_queue_depth"] == metrics["shop_operator_in_work"] == 0

    def healthy(self) -> bool:
        """What the kubelet asks."""
        with urllib.request.urlopen(self.health) as answer:
            return answer.status == 200 and "queue" in json.load(answer)

    def reconciles(self) -> float:
        """How many reconciles it has finished."""
        return sum(
            v
            for k, v in self.metrics().items()
            if k.startswith("shop_operator_reconcile_duration_seconds_count")
        )

    def errors(self) -> list[str]:
        """What its own code logged as an error: defects, since everything else is a warning."""
        return [
            line
            for line in self._said().splitlines()
            if "Traceback" in line or ('"level": "error"' in line and '"logger": "shop_operator' in line)
        ]

    def refused(self) -> list[str]:
        """What it has no right to do, as the API server says it: `User "operator" cannot list resource …`."""
        return [line for line in self._said().splitlines() if "forbidden: User" in line]


class Cluster:
    """One namespace of the API server, seen by a person with kubectl."""

    def __init__(self, api: Api, server: ApiServer, namespace: str) -> None:
        self.api, self.server, self.namespace = api, server, namespace
        self._mark = 0

    def manifest(self, name: str, **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "shopservice.dev/v1",
            "kind": "ShopService",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"image": "shop/x:1", **spec},
        }

    async def apply(self, name: str, **spec: Any) -> dict[str, Any]:
        """`kubectl apply --server-side` of a ShopService."""
        return await self.api.apply(self.manifest(name, **spec), kinds.SHOP_SERVICE, manager="kubectl")

    async def get(self, kind: str, name: str) -> dict[str, Any] | None:
        return await self.api.get(kinds.of(kind), self.namespace, name)

    async def edit(self, kind: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        return await self.api.merge(kinds.of(kind), self.namespace, name, patch, manager="kubectl-edit")

    async def delete(self, kind: str, name: str) -> None:
        live = await self.get(kind, name)
        assert live, f"{kind} {name} is not there"
        await self.api.delete(kinds.of(kind), self.namespace, name, uid=live["metadata"]["uid"])

    async def set_status(self, kind: str, name: str, **status: Any) -> None:
        """What a controller would report."""
        path = kinds.of(kind).path(self.namespace, name, "status")
        await self.api._call(
            "patch",
            kinds.of(kind),
            "PATCH",
            path,
            body={"status": status},
            content_type="application/merge-patch+json",
        )

    async def volume(
        self, claim: str, *, uid: str, namespace: str = "", policy: str = "Delete", phase: str = "Bound"
    ) -> str:
        """A PersistentVolume that is, or was, bound to a claim; its name."""
        name = f"pv-{next(numbers)}"
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": policy,
            "hostPath": {"path": "/tmp/none"},
            "claimRef": {"namespace": namespace or self.namespace, "name": claim, "uid": uid},
        }
        manifest = {"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec}
        await self.api.create(manifest, kinds.VOLUME, manager="kubectl")
        await self.api._call(
            "patch", kinds.VOLUME, "PATCH", kinds.VOLUME.path(None, name, "status"),
            body={"status": {"phase": phase}}, content_type="application/merge-patch+json",
        )  # fmt: skip
        return name

    async def until_volume(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The PersistentVolume as soon as it is so."""

        async def found() -> dict[str, Any] | None:
            live = await self.api.get(kinds.VOLUME, "", name)
            return live if live and holds(live) else None

        volume: dict[str, Any] = await self.until(found)
        return volume

    async def bind(self, claim: str, volume: str, **status: Any) -> None:
        """What the volume controller does at the claim's end."""
        await self.edit("PersistentVolumeClaim", claim, {"spec": {"volumeName": volume}})
        await self.set_status("PersistentVolumeClaim", claim, phase="Bound", **status)

    async def end_job(self, name: str, how: str) -> None:
        """What the Job controller reports at the end: Complete or Failed."""
        time = "2026-11-21T00:00:00Z"
        first = "SuccessCriteriaMet" if how == "Complete" else "FailureTarget"
        conditions = [
            {"type": kind, "status": "True", "reason": "x", "message": "BackoffLimitExceeded"}
            for kind in (first, how)
        ]
        end = {"completionTime": time} if how == "Complete" else {}
        await self.set_status("Job", name, startTime=time, conditions=conditions, **end)

    async def all(self, kind: str) -> list[dict[str, Any]]:
        kind_ = kinds.EVENT if kind == "Event" else kinds.of(kind)
        return [
            item async for page in self.api.pages(kind_, namespace=self.namespace) for item in page["items"]
        ]

    async def until(self, what: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
        """Ask until the answer is true, less often with time; fails with the last answer."""
        deadline, pause = time.monotonic() + seconds, 0.02
        while True:
            try:
                if answer := await what():
                    return answer
            except (KeyError, TypeError) as error:  # a field that is not there yet
                answer = error
            assert time.monotonic() < deadline, f"still {answer!r} after {seconds} s"
            await asyncio.sleep(pause)
            pause = min(1.1 * pause, 0.2)

    async def until_said(self, operator: Operator, text: str) -> None:
        """Until the operator's log has it."""

        async def said() -> bool:
            return text in operator.log.read_text()

        await self.until(said)

    async def until_there(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.until(lambda: self.get(kind, name))
        return found

    async def until_gone(self, kind: str, name: str) -> None:
        async def gone() -> bool:
            return await self.get(kind, name) is None

        # The garbage collector takes up to 30 s to notice a new CRD, and deletes nothing of its kind before.
        await self.until(gone, seconds=90)

    async def condition(self, name: str, kind: str) -> dict[str, Any]:
        service = await self.get("ShopService", name)
        assert service
        found: dict[str, Any] = next(
            (c for c in service.get("status", {}).get("conditions", ()) if c["type"] == kind), {}
        )
        return found

    async def until_condition(
        self, name: str, kind: str, status: str, reason: str | None = None
    ) -> dict[str, Any]:
        async def holds() -> dict[str, Any] | None:
            found = await self.condition(name, kind)
            matches = found.get("status") == status and reason in (None, found["reason"])
            return found if matches else None

        found: dict[str, Any] = await self.until(holds)
        return found

    async def until_reconciled(self, name: str) -> dict[str, Any]:
        """The status is about the present spec and all is applied."""

        async def reconciled() -> dict[str, Any] | None:
            service = await self.get("ShopService", name)
            assert service
            current = service["status"]["observedGeneration"] == service["metadata"]["generation"]
            applied = any(
                c["type"] == "Reconciled" and c["status"] == "True" for c in service["status"]["conditions"]
            )
            return service if current and applied else None

        service: dict[str, Any] = await self.until(reconciled)
        return service

    def mark(self) -> None:
        """Forget the calls so far."""
        self._mark += len(self._audited())

    def _audited(self) -> bytes:
        """The audit log's lines since the mark; the server may be in the middle of writing the next one."""
        if not self.server.audit_log or not self.server.audit_log.exists():
            return b""
        with open(self.server.audit_log, "rb") as log:
            log.seek(self._mark)
            written = log.read()
        return written[: written.rfind(b"\n") + 1]

    def calls(self, *, own_namespace: bool = True) -> list[str]:
        """What the operator asked for since the mark, as `verb resource/name`; watches apart.

        The further pages of a list are `continue resource/`.
        """
        assert self.server.audit_log
        entries = [json.loads(line) for line in self._audited().splitlines()]
        return [
            f"{_verb(entry)} {entry['objectRef']['resource']}/{entry['objectRef'].get('name', '')}"
            for entry in entries
            if entry["userAgent"].startswith("shop-operator")
            and entry["verb"] != "watch"
            and "resource" in entry.get("objectRef", {})
            and (not own_namespace or entry["objectRef"].get("namespace") == self.namespace)
        ]  # fmt: skip


def _verb(entry: dict[str, Any]) -> str:
    verb: str = entry["verb"]
    return "continue" if verb == "list" and "continue=" in entry["requestURI"] else verb


def rights() -> list[dict[str, Any]]:
    """The operator has exactly the rights that its chart gives it, so every test tests those too."""
    named = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "shop-operator"}}
    return [
        {**named, "kind": "ClusterRole", "rules": [rule for part in rbac.rules().values() for rule in part]},
        {
            **named,
            "kind": "ClusterRoleBinding",
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "shop-operator",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "operator"}],
        },
    ]


def client(server: ApiServer) -> Api:
    """With all rights, as a person has them."""
    info = kopf.ConnectionInfo(server=server.url, ca_path=str(server.ca), token=server.token)
    return Api(Connection(info, user_agent="kubectl"))


@contextlib.asynccontextmanager
async def connected(server: ApiServer) -> AsyncIterator[Cluster]:
    """A new namespace of a server that has the CRD and the operator's role."""
    async with client(server) as api:
        await api.apply(custom_resource_definition(), kinds.CRD, manager="kubectl")
        for manifest in rights():
            kind = kinds.Kind(
                "rbac.authorization.k8s.io/v1", manifest["kind"], f"{manifest['kind'].lower()}s"
            )
            await api.apply(manifest, kind, manager="kubectl")
        here = Cluster(api, server, f"test-{next(numbers)}")
        await api.create(
            {"kind": "Namespace", "metadata": {"name": here.namespace}}, NAMESPACE, manager="kubectl"
        )

        async def served() -> bool:
            try:
                await here.all("ShopService")
            except ApiError:
                return False
            return True

        await here.until(served)
        here.mark()
        yield here


@pytest.fixture
async def cluster(server: ApiServer) -> AsyncIterator[Cluster]:
    async with connected(server) as here:
        yield here


@pytest.fixture
def operator(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[Operator]:
    process = Operator(server, tmp_path, cluster.namespace)
    yield process
    process.kill()
    assert process.errors() == []
    assert process.refused() == []
