"""The process that keeps an API server's parts together: starts them, and ends them with itself.

Run by kindlocal.apiserver as ``python -m kindlocal.apiserver_supervisor FOLDER``. The parts get the kernel's
parent-death signal, so they end with this process however it ends; this process ends when the one that asked
for it does. What it is to do lies in ``FOLDER/settings.json``; when all is up it writes ``FOLDER/info.json``,
and when it cannot be, ``FOLDER/failure``.
"""

import json
import os
import secrets
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType

from kindlocal import kubeconfig, tokens
from kindlocal.errors import KindlocalError
from kindlocal.paths import binary, tool
from kindlocal.pki import Authority, signing_key

START_LIMIT = 60.0  # seconds; 2 to 3 are usual
PORTS = range(10_000, 30_000)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on now; none of those that Linux gives to connections.

    Otherwise some connection of this machine has one of them before the part that it is for has started.
    """
    found: set[int] = set()
    while len(found) < count:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)


class Supervisor:
    """etcd, kube-apiserver and kube-controller-manager in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text())
        self.poll = select.poll()
        self.watched: dict[int, str] = {}
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.started = time.monotonic()

    def run(self) -> None:
        """Start everything, say so, and wait for the end.

        Raises KindlocalError when a part does not come up or falls, SystemExit when the end is wanted:
        on SIGTERM, or when the process that asked for the start has gone.
        """
        if parent := self.settings["parent"]:
            try:
                self._watch(parent, "")
            except ProcessLookupError:
                raise SystemExit from None
        etcd, peer, port = free_ports(3)
        self.url = f"https://127.0.0.1:{port}"
        self._credentials()
        self._spawn("etcd", self._etcd(etcd, peer))
        self._spawn("kube-apiserver", self._apiserver(etcd, port))
        self._wait_for("/readyz")
        self._spawn("kube-controller-manager", self._controller_manager())
        self._wait_for("/api/v1/namespaces/default/serviceaccounts/default")
        self._announce()
        while True:
            self._check(None)

    def stop(self) -> None:
        """End every part; the data is thrown away, so there is nothing to say good-bye to."""
        for part in self.parts.values():
            part.kill()
        for part in self.parts.values():
            part.wait()

    def _watch(self, pid: int, name: str) -> None:
        fd = os.pidfd_open(pid)
        self.poll.register(fd, select.POLLIN)
        self.watched[fd] = name

    def _check(self, timeout: float | None) -> None:
        for fd, _ in self.poll.poll(None if timeout is None else timeout * 1000):
            name = self.watched[fd]
            if not name:
                raise SystemExit
            lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
            raise KindlocalError(f"{name} ended; its last lines were:\n" + "\n".join(lines[-8:]))

    def _spawn(self, name: str, flags: list[str]) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            part = subprocess.Popen(
                [tool("setpriv"), "--pdeathsig", "KILL", "--", str(binary(name)), *flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        self.parts[name] = part
        self._watch(part.pid, name)

    def _wait_for(self, path: str) -> None:
        context = ssl.create_default_context(cafile=self.folder / "pki" / "ca.crt")
        # Straight, whatever proxy the environment names.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        while True:
            try:
                with opener.open(request, timeout=2):
                    return
            except OSError as error:
                if time.monotonic() - self.started > START_LIMIT:
                    raise KindlocalError(
                        f"{path} does not answer after {START_LIMIT:.0f} s: {error}"
                    ) from None
            self._check(0.03)

    def _credentials(self) -> None:
        authority = Authority(self.folder / "pki")
        hosts = ["IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"]
        authority.issue("apiserver", "/CN=kube-apiserver", hosts)
        signing_key(authority.folder)
        self.token, manager, self.secret = (secrets.token_hex(16) for _ in range(3))
        users = f'{self.token},admin,1,"system:masters"\n{manager},system:kube-controller-manager,2\n'
        (self.folder / "tokens.csv").write_text(users)
        for name, token in {"kubeconfig": self.token, "controller-manager.kubeconfig": manager}.items():
            config = kubeconfig.document("apiserver", self.url, authority.certificate("ca"), {"token": token})
            kubeconfig.write(self.folder / name, config)
        webhook = f"http://127.0.0.1:{tokens.serve(self.secret)}/"
        config = kubeconfig.document("tokens", webhook, authority.certificate("ca"), {})
        kubeconfig.write(self.folder / "webhook.kubeconfig", config)

    def _etcd(self, port: int, peer: int) -> list[str]:
        return [
            "--data-dir=etcd",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--quota-backend-bytes={4 << 30}",
            f"--listen-client-urls=http://127.0.0.1:{port}",
            f"--advertise-client-urls=http://127.0.0.1:{port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        ]

    def _apiserver(self, etcd: int, port: int) -> list[str]:
        audit = ["--audit-policy-file=audit-policy.yaml", "--audit-log-path=audit.log"]
        return [
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            "--tls-cert-file=pki/apiserver.crt",
            "--tls-private-key-file=pki/apiserver.key",
            "--token-auth-file=tokens.csv",
            "--authentication-token-webhook-config-file=webhook.kubeconfig",
            "--authentication-token-webhook-version=v1",
            "--authentication-token-webhook-cache-ttl=1h",
            "--anonymous-auth=false",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--service-account-key-file=pki/sa.pub",
            "--service-account-signing-key-file=pki/sa.key",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged",
            "--endpoint-reconciler-type=none",
            # A benchmark is to meet the machine's limits, not these.
            "--enable-priority-and-fairness=false",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
            "--event-ttl=10m",
            *(audit if self.settings["audit"] else []),
            *self.settings["flags"],
        ]

    def _controller_manager(self) -> list[str]:
        return [
            "--kubeconfig=controller-manager.kubeconfig",
            "--secure-port=0",
            "--leader-elect=false",
            "--kube-api-qps=300",
            "--kube-api-burst=500",
            "--use-service-account-credentials",
            "--service-account-private-key-file=pki/sa.key",
            "--root-ca-file=pki/ca.crt",
            f"--controllers={','.join(self.settings['controllers'])}",
        ]

    def _announce(self) -> None:
        pids = {name: part.pid for name, part in self.parts.items()}
        info = {"url": self.url, "token": self.token, "secret": self.secret, "pids": pids}
        draft = self.folder / "info.tmp"
        draft.write_text(json.dumps(info))
        draft.rename(self.folder / "info.json")


def _end(signum: int, frame: FrameType | None) -> None:
    raise SystemExit


def main() -> None:
    """Supervise until the end; then the folder is gone, unless something failed: the logs are in it."""
    signal.signal(signal.SIGTERM, _end)
    folder = Path(sys.argv[1])
    supervisor = Supervisor(folder)
    try:
        supervisor.run()
    except SystemExit:
        supervisor.stop()
        shutil.rmtree(folder, ignore_errors=True)
    except (KindlocalError, OSError) as error:
        supervisor.stop()
        (folder / "failure").write_text(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
