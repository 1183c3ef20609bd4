"""Creating and deleting a cluster, as seen from the host."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import resources
from pathlib import Path
from string import Template

from kindlocal import cgroups, cluster, components, kubeconfig, network, pins, ports, preflight
from kindlocal.api import Api, Object
from kindlocal.cluster import Cluster
from kindlocal.errors import KindlocalError
from kindlocal.images import ctr
from kindlocal.kind_config import KindConfig
from kindlocal.paths import cache, cache_table, tool
from kindlocal.processes import precede, recall, remember, wait_for

Say = Callable[[str], None]

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONUTF8": "1"}
"""Of the node's programs; the caller's variables (proxies, kubeconfigs, …) are none of their business."""


def create(
    name: str, config: KindConfig, *, wait: float, kubeconfig_file: str, retain: bool, say: Say
) -> None:
    """Make a cluster; with ``wait`` seconds for its node to be ready.

    Raises KindlocalError, and after any exception nothing of it is left, unless ``retain``.
    """
    if not cluster.valid_name(name):
        raise KindlocalError(
            f"failed to create cluster: '{name}' is not a valid cluster name: expected at most 49 of "
            "a-z, 0-9, '-' and '.', with a letter or digit at both ends"
        )
    preflight.check()
    listeners = ports.listen(config.ports)
    new, at_work = None, -1
    try:
        with uninterrupted():
            new, at_work = _claim(name)
        say(f'Creating cluster "{name}" ...')
        _build(new, wait, say)
        _forward_ports(new, listeners, config.ports)
        admin = kubeconfig.load(new.folder / "admin.kubeconfig")
        kubeconfig.edit(kubeconfig.user_file(kubeconfig_file), lambda own: kubeconfig.merged(own, admin))
        (new.folder / "ready").touch()
    except BaseException:
        if new and not retain:
            with uninterrupted():
                destroy(new)
        raise
    finally:
        if at_work >= 0:
            os.close(at_work)
        for listener in listeners:
            listener.close()
    flag = f" --kubeconfig {kubeconfig_file}" if kubeconfig_file else ""
    say(f'Set kubectl context to "{new.context}"\nYou can now use your cluster with:\n')
    say(f"kubectl cluster-info --context {new.context}{flag}")


def _claim(name: str) -> tuple[Cluster, int]:
    with cluster.locked():
        old = cluster.find(name)
        if old and old.half_made:
            destroy(old)
        elif old:
            raise KindlocalError(
                f'failed to create cluster: node(s) already exist for a cluster with the name "{name}"'
            )
        return cluster.claim(name, network.free_index({one.index for one in cluster.everyone()}))


def _build(new: Cluster, wait: float, say: Say) -> None:
    started = time.monotonic()

    def step(text: str) -> None:
        say(f" ✓ {text} ({time.monotonic() - started:.1f} s)")

    images = node_images()
    components.certify(new)
    components.configure(new)
    cgroups.make(new.cgroup)
    _start_node(new)
    step("Preparing node 📦")
    api = Api(new.node_address, new.pki, "admin")
    wait_for(new.socket.exists, 30, f"containerd did not start (--retain keeps {new.folder}/logs)")
    with ThreadPoolExecutor(4) as pool:
        imports = [
            pool.submit(ctr, new, "images", "import", cache() / image["archive"]) for image in images.values()
        ]
        wait_for(api.ready, 90, f"the API server is not ready (--retain keeps {new.folder}/logs)")
        step("Starting control-plane 🕹️")
        for one in imports:
            one.result()
    step("Loading images 🖼")
    references = {name: image["reference"] for name, image in images.items()}
    for addon in addons(new, references):
        api.create(addon)
    step("Installing CNI 🔌, CoreDNS and StorageClass 💾")
    node = f"/api/v1/nodes?fieldSelector=metadata.name={new.node}"
    account = "/api/v1/namespaces/default/serviceaccounts?fieldSelector=metadata.name=default"
    for path in (node, account):  # before these are there, no pod can be made
        if not _seen(api, path, 60):
            raise KindlocalError(f"nothing at {path} after 60 s (--retain keeps {new.folder}/logs)")
    role = {"node-role.kubernetes.io/control-plane": ""}
    api.patch(f"/api/v1/nodes/{new.node}", {"metadata": {"labels": role}})
    if wait:
        ready = _seen(api, node, wait, is_ready)
        # kind too ends well in both cases
        step("Ready 💚") if ready else say(" • WARNING: Timed out waiting for Ready ⚠️")


def node_images() -> dict[str, dict[str, str]]:
    """Of the images in the cache those that every node has from the start."""
    names = {image.name for image in pins.NODE_IMAGES}
    return {name: image for name, image in cache_table("images.json").items() if name in names}


def addons(new: Cluster, references: dict[str, str]) -> list[Object]:
    """What every cluster has from the start."""
    import yaml  # costs 30 ms, which only this and kubeconfigs need

    text = Template((resources.files("kindlocal") / "node.yaml").read_text())
    return list(yaml.safe_load_all(text.substitute(dns_address=new.dns_address, **references)))


def is_ready(node: Object) -> bool:
    """Whether a node says that it is ready."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _anything(one: Object) -> bool:
    return True


def _seen(api: Api, path: str, seconds: float, wanted: Callable[[Object], bool] = _anything) -> bool:
    return any(wanted(event["object"]) for event in api.watch(path, max(1, round(seconds))))


def _environment() -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if key.startswith("KINDLOCAL_")}
    return {**ENVIRONMENT, "HOME": str(Path.home()), **ours}


def _start_node(new: Cluster) -> None:
    unshare = [tool("unshare"), "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
    with open(new.folder / "logs" / "init.log", "w") as log:
        process = subprocess.Popen(
            [*unshare, "--propagation", "private", sys.executable, "-P", "-m", "kindlocal.node", new.name],
            env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd="/",
        )  # fmt: skip
    try:
        wait_for(
            lambda: new.init_pid or process.poll() is not None,
            10,
            "the node's first process did not start",
            0.01,
        )
        pid = new.init_pid
        if not pid:
            raise KindlocalError(
                f"the node did not start: {(new.folder / 'logs/init.log').read_text()[-500:].strip()}"
            )
    except BaseException:
        process.kill()  # and with it, by --kill-child, a process that destroy() cannot know yet
        raise
    network.attach(new, pid)


def _forward_ports(new: Cluster, listeners: list[socket.socket], mappings: list[ports.Mapping]) -> None:
    if not listeners:
        return
    fds = [listener.fileno() for listener in listeners]
    pairs = [f"{fd}={mapping.container_port}" for fd, mapping in zip(fds, mappings, strict=True)]
    command = [sys.executable, "-P", "-m", "kindlocal.ports", str(new.init_pid), new.node_address, *pairs]
    with open(new.folder / "logs" / "ports.log", "w") as log:
        process = subprocess.Popen(
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd="/", pass_fds=fds,
        )  # fmt: skip
    # It is the wire to the node: were it to wait for the node's pods, all of them would seem to hang.
    precede(process.pid)
    remember(new.folder / "ports.pid", process.pid)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals wait for the end of what must be whole, such as tidying up, which a second ^C must not stop."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ended(file: Path) -> bool:
    return recall(file) is None


def destroy(old: Cluster) -> None:
    """End everything of a cluster and remove it; what is gone already is no error.

    Raises KindlocalError when its processes do not end.
    """
    for file in ("ports.pid", "init.pid"):
        if pid := recall(old.folder / file):
            os.kill(pid, signal.SIGKILL)  # with its first process the kernel kills every process of the node
            wait_for(partial(_ended, old.folder / file), 30, f"process {pid} does not end")
    network.detach(old)
    cgroups.remove(old.cgroup)
    shutil.rmtree(old.folder)


def delete(name: str, kubeconfig_file: str) -> None:
    """Delete a cluster, if there is one, and its context, if there is one.

    Raises KindlocalError when its processes do not end or a kubeconfig is none.
    """
    preflight.root()
    if old := cluster.find(name):
        with uninterrupted():
            destroy(old)
    for path in kubeconfig.user_files(kubeconfig_file):
        if path.exists():
            kubeconfig.edit(path, lambda config: kubeconfig.without(config, Cluster(name, 0).context))
