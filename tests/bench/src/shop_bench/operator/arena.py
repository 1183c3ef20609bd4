"""An API server with the CRD and the operator's rights, and a person who applies, edits and deletes."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import kopf
import yaml
from kindlocal.apiserver import ApiServer
from shop_operator.api.crd import custom_resource_definition
from shop_operator.cli import rbac
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.connection import Connection

from shop_bench.operator import audit, bare
from shop_bench.operator.crowd import LEAN, NAMESPACE, children_of, service
from shop_bench.process import Process

Manifest = dict[str, Any]

PERSON = "bench"
AGENT = "shop-operator"
TOUCH = {"metadata": {"labels": {"app.kubernetes.io/name": "edited"}}}
"""An edit that every kind of child allows."""


class Arena:
    """Fresh for every measurement: what one leaves behind would be in the way of the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The audit log is read to its end: it must not be rotated away.
        self._server = ApiServer(audit_policy=audit.POLICY, flags=["--audit-log-maxsize=10000"])

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._server.start)
        assert self._server.audit_log
        self.log, self.pids = self._server.audit_log, dict(self._server.pids)
        info = kopf.ConnectionInfo(
            server=self._server.url,
            ca_path=str(self._server.ca),
            token=self._server.token_for(PERSON, ["system:masters"]),
        )
        self.api = await Api(Connection(info, user_agent=PERSON), connections=16).__aenter__()
        await self._prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.__aexit__()
        await asyncio.to_thread(self._server.stop)

    async def _prepare(self) -> None:
        api = "rbac.authorization.k8s.io"
        about: Manifest = {"apiVersion": f"{api}/v1", "metadata": {"name": "operator"}}
        role = {
            **about,
            "kind": "ClusterRole",
            "rules": [rule for part in rbac.rules().values() for rule in part],
        }
        bound = {
            **about,
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "operator"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": "operator"}],
        }
        namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        for manifest in (custom_resource_definition(), role, bound, namespace):
            plural = f"{manifest['kind'].lower()}s"
            kind = kinds.Kind(manifest["apiVersion"], manifest["kind"], plural, namespaced=False)
            await self.api.apply(manifest, kind, manager=PERSON)
        while not await self.api.serves(kinds.SHOP_SERVICE):
            await asyncio.sleep(0.05)

    def operator(self) -> Process:
        """The operator, as its own command."""
        config = yaml.safe_load(self._server.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": self._server.token_for("operator")}
        kubeconfig = self.folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        health, metrics = _free_port(), _free_port()
        env = {
            "KUBECONFIG": str(kubeconfig),
            "SHOP_OPERATOR_HEALTH_PORT": str(health),
            "SHOP_OPERATOR_METRICS_PORT": str(metrics),
        }
        self.metrics_port = metrics
        return Process([sys.executable, "-m", "shop_operator", "run"], env, self.folder / "operator.log")

    def bare(self, status: Manifest) -> Process:
        """The client to compare with; `status` is what the operator wrote for a service of the name NAME."""
        watched = [kind for kind in kinds.WATCHED if not kind.optional]
        children = children_of(bare.NAME, bare.UID, LEAN)
        body = {**service(bare.NAME, {}), "status": status}
        del body["spec"]
        body["metadata"] |= {"uid": bare.UID}
        plan = bare.Plan(
            url=self._server.url,
            token=self._server.token_for("operator"),
            ca=str(self._server.ca),
            services=kinds.SHOP_SERVICE.path(NAMESPACE),
            watches=tuple(f"{kind.path()}?labelSelector={kind.selector}" for kind in watched),
            children=tuple((_path(child), json.dumps(child)) for child in children),
            status=json.dumps(body),
        )
        file = self.folder / "plan.json"
        plan.write(file)
        command = [sys.executable, "-m", "shop_bench.operator.bare", str(file)]
        return Process(command, {}, self.folder / "bare.log")

    async def apply(self, names: Iterable[str], spec: Manifest) -> None:
        """All at once, over the connections that there are."""
        await asyncio.gather(
            *(self.api.apply(service(name, spec), kinds.SHOP_SERVICE, manager=PERSON) for name in names)
        )

    async def annotate(self, names: Iterable[str], value: str) -> None:
        """A change that asks for nothing."""
        patch = {"metadata": {"annotations": {"bench": value}}}
        await asyncio.gather(
            *(self.api.merge(kinds.SHOP_SERVICE, NAMESPACE, name, patch, manager=PERSON) for name in names)
        )

    async def delete(self, kind: str, name: str) -> None:
        """Whatever of that name is there now."""
        await self.api._call(
            "delete", kinds.of(kind), "DELETE", kinds.of(kind).path(NAMESPACE, name), body={}
        )

    async def edit(self, kind: str, name: str) -> None:
        """Change a label that the operator sets."""
        await self.api.merge(kinds.of(kind), NAMESPACE, name, TOUCH, manager=PERSON)

    async def until_reported(self, agent: str, names: set[str], *, since: int, limit: float = 600) -> None:
        """Return when this client has written a status of each of these services."""
        missing, mark = set(names), since
        async with asyncio.timeout(limit):
            while missing:
                await asyncio.sleep(0.1)
                end = self.size()
                with self.log.open("rb") as log:
                    log.seek(mark)
                    text = log.read(end - mark)
                text = text[: text.rfind(b"\n") + 1]
                mark += len(text)
                for line in text.splitlines():
                    # Most lines need not be read as JSON to see that they are none.
                    if b'"subresource":"status"' in line and b'"userAgent":"' + agent.encode() in line:
                        missing.discard(json.loads(line)["objectRef"]["name"])

    def size(self) -> int:
        """The audit log's length: a mark in it."""
        return self.log.stat().st_size

    def calls(self, since: int, *agents: str) -> list[audit.Call]:
        """The calls of these clients since a mark."""
        return [call for call in audit.calls(self.log, since) if call.agent in agents]

    async def status_of(self, name: str) -> Manifest:
        """What the operator reported."""
        live = await self.api.get(kinds.SHOP_SERVICE, NAMESPACE, name)
        if live is None:
            raise ApiError(404, "NotFound", f"ShopService {name}")
        found: Manifest = live["status"]
        return found


def _path(manifest: Manifest) -> str:
    return kinds.of(manifest["kind"]).path(NAMESPACE, manifest["metadata"]["name"])


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
