"""A Kubernetes API server alone: no node, no root, up in 2 to 3 s, on free loopback ports.

It is etcd, kube-apiserver and kube-controller-manager with the controllers that make deletion and namespaces
work. Everything is in one folder, in memory where possible, and ends with the process that started it.

    with ApiServer(audit_policy=policy) as api:
        client = Client(api.url, token=api.token, ca=api.ca)
"""

import argparse
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from kindlocal import tokens
from kindlocal.errors import KindlocalError
from kindlocal.paths import binary

CONTROLLERS = ("garbage-collector", "namespace", "serviceaccount")
"""Without these, owned objects, namespaces and service accounts do not behave."""


class ApiServer:
    """An API server, as a context manager; attributes are there once it has been started.

    ``url``; ``token`` of an administrator; ``ca``, path of the CA's certificate; ``kubeconfig``, path of one
    for the administrator; ``audit_log``, path of the audit log (JSON lines, each written before its call is
    answered), or None without a policy; ``pids``, by the name of the part.
    """

    url: str
    token: str
    ca: Path
    kubeconfig: Path
    audit_log: Path | None
    pids: dict[str, int]

    def __init__(
        self,
        *,
        controllers: Sequence[str] = (),
        audit_policy: Mapping[str, Any] | Path | None = None,
        flags: Sequence[str] = (),
        folder: Path | None = None,
        detached: bool = False,
    ) -> None:
        """Say what is wanted; nothing is started yet.

        controllers: more of the controller-manager's, such as ``deployment`` and ``replicaset``.
        audit_policy: an ``audit.k8s.io/v1`` Policy, or the file that has it.
        flags: more of kube-apiserver's; a flag given again wins.
        folder: a folder that does not exist yet; by default a temporary one, in memory where possible.
        detached: lives on when this process ends, until ``stop``.
        """
        wanted = [*CONTROLLERS, *controllers]
        self._settings = {
            "parent": None if detached else os.getpid(),
            "controllers": [
                name if name.endswith("-controller") else f"{name}-controller" for name in wanted
            ],
            "audit": audit_policy is not None,
            "flags": list(flags),
        }
        self._policy = audit_policy
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it serves and its controllers work.

        Raises KindlocalError when it cannot, with the last lines that the part which failed had to say.
        """
        for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
            binary(name)
        folder = self._make_folder()
        if isinstance(self._policy, Path):
            shutil.copyfile(self._policy, folder / "audit-policy.yaml")
        elif self._policy is not None:
            (folder / "audit-policy.yaml").write_text(json.dumps(self._policy))
        (folder / "settings.json").write_text(json.dumps(self._settings))
        command = [sys.executable, "-m", "kindlocal.apiserver_supervisor", str(folder)]
        with open(folder / "supervisor.log", "wb") as log:
            # A session of its own: ^C ends the tests, and the tests' end ends this.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (folder / "pid").write_text(str(self._process.pid))
        try:
            self._await(folder)
        except BaseException:
            self.stop()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        info = json.loads((folder / "info.json").read_text())
        self.url, self.token, self.pids = info["url"], info["token"], info["pids"]
        self._secret = info["secret"]
        self.ca, self.kubeconfig = folder / "pki" / "ca.crt", folder / "kubeconfig"
        self.audit_log = folder / "audit.log" if self._settings["audit"] else None

    def stop(self) -> None:
        """End it and remove its folder; done twice it does nothing."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def token_for(self, user: str, groups: Sequence[str] = ()) -> str:
        """A token for any user and groups, so that RBAC can be tested."""
        return tokens.make(self._secret, user, groups)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _make_folder(self) -> Path:
        if self._folder is None:
            memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
            return Path(tempfile.mkdtemp(prefix="kindlocal-apiserver-", dir=memory))
        try:
            self._folder.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            raise KindlocalError(
                f"{self._folder} exists: name a folder that does not (or stop what runs there)"
            ) from None
        return self._folder.resolve()

    def _await(self, folder: Path) -> None:
        assert self._process
        poll = select.poll()
        ended = os.pidfd_open(self._process.pid)
        poll.register(ended, select.POLLIN)
        try:
            while not (folder / "info.json").exists():
                if poll.poll(20):
                    reason = folder / "failure"
                    text = (reason if reason.exists() else folder / "supervisor.log").read_text()
                    raise KindlocalError(f"the API server did not start: {text.strip()}")
        finally:
            os.close(ended)


def stop(folder: Path) -> None:
    """End the one that runs in a folder, also when another process started it.

    Raises KindlocalError when the folder is not one of an API server.
    """
    try:
        pid = int((folder / "pid").read_text())
    except (OSError, ValueError):
        raise KindlocalError(
            f"no API server in {folder}: expected the folder that `start` was given"
        ) from None
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
        return
    if str(folder.resolve()).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():  # not a reused pid
        signal.pidfd_send_signal(process, signal.SIGTERM)
        select.select([process], [], [], 10)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """``kindlocal-apiserver start DIR | stop DIR``."""
    parser = argparse.ArgumentParser(
        prog="kindlocal-apiserver", description=(__doc__ or "").partition("\n")[0]
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    start = verbs.add_parser("start", help="start one whose files are in DIR, which must not exist yet")
    start.add_argument("folder", metavar="DIR", type=Path)
    start.add_argument(
        "--controller",
        action="append",
        default=[],
        metavar="NAME",
        help="such as deployment; may be repeated",
    )
    start.add_argument(
        "--audit-policy", type=Path, metavar="FILE", help="then DIR/audit.log has every call it asks for"
    )
    start.add_argument(
        "--flag",
        action="append",
        default=[],
        metavar="--NAME=VALUE",
        help="of kube-apiserver: --flag=--NAME=VALUE",
    )
    verbs.add_parser("stop", help="end it and remove DIR").add_argument("folder", metavar="DIR", type=Path)
    args = parser.parse_args()
    try:
        if args.verb == "stop":
            stop(args.folder)
            return
        server = ApiServer(
            controllers=args.controller,
            audit_policy=args.audit_policy,
            flags=args.flag,
            folder=args.folder,
            detached=True,
        )
        server.start()
        print(f"{server.url}\nexport KUBECONFIG={server.kubeconfig}")
    except (KindlocalError, OSError) as error:
        sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
