"""Clusters come, two at once, and go without leaving anything; nothing half-made stays."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kindlocal import cgroups, cluster
from kindlocal.paths import binary, cache, state

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("local")]

KIND = [sys.executable, "-m", "kindlocal.cli"]


def kind(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*KIND, *args], capture_output=True, text=True, env={**os.environ, **variables})


def lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return found


def remains(name: str) -> dict[str, list[str]]:
    """What there is of the cluster of that name, by kind; of its addresses as well, if it was the first."""
    own, place = f"{state()}/{name}/", cluster.Cluster(name, 0)
    found = {
        "processes": [
            line for line in command_lines() if own in line or line.endswith(f"kindlocal.node {name} ")
        ],
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if own in line],
        "cgroups": [str(root) for root in cgroups.hierarchies() if (root / place.cgroup).exists()],
        "files": [str(path) for path in state().glob(name)],
    }
    return {kind: what for kind, what in found.items() if what}


def machine() -> dict[str, list[str]]:
    """What must be the same before and after; clusters that others have meanwhile are left out."""
    others = [one for one in cluster.everyone() if not one.name.startswith("test-")]
    theirs = [word for one in others for word in (one.link, one.cgroup, one.network.removesuffix("0.0/16"))]
    groups = [str(path) for root in cgroups.hierarchies() for path in root.glob("kindlocal/*")]
    found = {
        "links": [line.split()[0] for line in lines("ip", "-br", "link")],
        # Routes to nowhere stay, by design.
        "routes": [line for line in lines("ip", "-4", "route") if not line.startswith("unreachable 10.1")],
        "rules": lines("iptables-save"),
        "cgroups": groups,
    }
    return {
        kind: sorted(line for line in what if not any(word in line for word in theirs))
        for kind, what in found.items()
    }


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig of our own."""
    path = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def clean() -> Iterator[None]:
    """The machine is afterwards as it was before."""
    before = machine()
    yield
    for name in ("test-a", "test-b"):
        kind("delete", "cluster", "--name", name)
        assert remains(name) == {}
    assert machine() == before


def kubectl(*args: str) -> str:
    return subprocess.run([binary("kubectl"), *args], capture_output=True, text=True, check=True).stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.usefixtures("clean")
def test_two_clusters_at_once(config: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "kind.yaml").write_text(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: test-a\nnodes:\n- extraPortMappings:\n"
        f"  - {{containerPort: 10250, hostPort: {port}, listenAddress: 127.0.0.1}}\n"
    )
    started = time.monotonic()
    first = kind("create", "cluster", "--config", str(tmp_path / "kind.yaml"), "--wait", "60s")
    assert first.returncode == 0, first.stderr
    print(f"created in {time.monotonic() - started:.1f} s")
    second = kind("create", "cluster", "--name", "test-b")
    assert second.returncode == 0, second.stderr
    assert {"test-a", "test-b"} <= set(kind("get", "clusters").stdout.split())
    assert kind("get", "nodes", "--name", "test-b").stdout == "test-b-control-plane\n"
    assert kubectl("config", "current-context") == "kind-test-b\n"
    for name in ("test-a", "test-b"):
        nodes = kubectl("--context", f"kind-{name}", "get", "nodes", "-o", "name")
        assert nodes == f"node/{name}-control-plane\n"
    node = kubectl(
        "--context", "kind-test-a", "wait", "node", "--all", "--for=condition=Ready", "--timeout=1s"
    )
    assert "condition met" in node

    # The mapped port is the kubelet's: it asks for TLS, so plain HTTP gets its answer to that.
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    taken = kind("create", "cluster", "--name", "test-c", "--config", str(tmp_path / "kind.yaml"))
    assert taken.returncode == 1
    assert f"ERROR: cannot listen on 127.0.0.1:{port}: Address already in use; free the port" in taken.stderr
    again = kind("create", "cluster", "--name", "test-a")
    assert again.returncode == 1
    assert 'node(s) already exist for a cluster with the name "test-a"' in again.stderr

    printed = kind("get", "kubeconfig", "--name", "test-a").stdout
    (tmp_path / "printed").write_text(printed)
    assert "test-a" in kubectl("--kubeconfig", str(tmp_path / "printed"), "get", "nodes")
    exported = kind("export", "kubeconfig", "--name", "test-a", "--kubeconfig", str(tmp_path / "exported"))
    assert exported.returncode == 0
    assert "test-a" in kubectl("--kubeconfig", str(tmp_path / "exported"), "get", "nodes")

    assert kind("delete", "cluster", "--name", "test-b").returncode == 0
    assert "test-a" in kubectl("--context", "kind-test-a", "get", "nodes")
    assert kind("delete", "cluster", "--name", "test-a").returncode == 0
    assert "kind-" not in config.read_text()
    socket.create_server(("127.0.0.1", port)).close()
    assert kind("delete", "cluster", "--name", "test-a").returncode == 0, (
        "deleting what is not there is no error"
    )


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("after", ["Creating cluster", "Preparing node", "Loading images"])
def test_an_interrupted_creation_leaves_nothing(config: Path, after: str) -> None:
    creating = subprocess.Popen(
        [*KIND, "create", "cluster", "--name", "test-a"],
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert creating.stderr
    for line in creating.stderr:
        if after in line:
            creating.send_signal(signal.SIGINT)
            break
    rest = creating.stderr.read()
    assert creating.wait(30) == 130
    assert "Traceback" not in rest
    assert remains("test-a") == {}
    assert not config.exists()


@pytest.mark.usefixtures("clean", "config")
def test_a_creation_that_was_killed_is_cleared_away_by_the_next() -> None:
    creating = subprocess.Popen(
        [*KIND, "create", "cluster", "--name", "test-a"], stderr=subprocess.PIPE, text=True
    )
    assert creating.stderr
    for line in creating.stderr:
        if "Preparing node" in line:
            creating.kill()
            break
    creating.wait()
    assert kind("get", "clusters").stdout.split().count("test-a") == 1
    again = kind("create", "cluster", "--name", "test-a")
    assert again.returncode == 0, again.stderr
    assert "test-a" in kubectl("get", "nodes")


@pytest.mark.usefixtures("clean", "config")
def test_a_node_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for program in (cache() / "bin").iterdir():
        (tmp_path / "bin" / program.name).symlink_to(program)
    (tmp_path / "bin" / "kube-apiserver").unlink()
    (tmp_path / "images").symlink_to(cache() / "images")
    (tmp_path / "images.json").symlink_to(cache() / "images.json")
    missing = kind("create", "cluster", "--name", "test-a", KINDLOCAL_CACHE=str(tmp_path))
    assert missing.returncode == 1
    assert missing.stderr == (
        f"ERROR: {tmp_path}/bin/kube-apiserver is missing: run `kindlocal-build` "
        "(or set KINDLOCAL_CACHE to where it has run)\n"
    )
    assert remains("test-a") == {}


@pytest.mark.usefixtures("clean", "config")
def test_a_program_that_falls_is_started_again(local: None) -> None:
    assert kind("create", "cluster", "--name", "test-a", "--wait", "60s").returncode == 0
    found = cluster.existing("test-a")
    (old,) = (
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.read_bytes().startswith(str(cache() / "bin" / "kube-scheduler").encode())
        and f"{found.folder}/kube-scheduler.kubeconfig" in path.read_bytes().decode()
    )
    os.kill(old, signal.SIGKILL)
    log = found.folder / "logs" / "init.log"
    end = time.monotonic() + 10
    while "kube-scheduler ended with status 9, starting it again" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    reference = "docker.io/kindlocal/pause:1"
    kubectl("run", "one", "--image", reference, "--restart=Never")
    kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=30s")


def test_state_that_a_node_would_hide_is_refused(tmp_path: Path, config: Path) -> None:
    refused = kind("create", "cluster", "--name", "test-a", KINDLOCAL_STATE="/var/tmp/kindlocal-test")
    assert refused.returncode == 1
    assert "is below /var or /run, which a node replaces by its own: move it" in refused.stderr
    assert not Path("/var/tmp/kindlocal-test").exists()
    assert not (state() / "test-a").exists()


def test_without_root_it_says_so(config: Path) -> None:
    command = [
        "setpriv",
        "--reuid",
        "65534",
        "--clear-groups",
        *KIND,
        "create",
        "cluster",
        "--name",
        "test-a",
    ]
    if subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", sys.executable, "-c", ""]).returncode:
        pytest.skip("this Python cannot be run by another user")
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.startswith("ERROR: this needs root")


BUSY = """
import os, sys, time
from kindlocal import cgroups
os.sched_setaffinity(0, {0})
if sys.argv[1:]:
    cgroups.enter(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 2
while time.monotonic() < end:
    pass
print(time.process_time())
"""


@pytest.mark.usefixtures("clean")
def test_a_cluster_weighs_more_than_a_process_beside_it() -> None:
    group = cluster.Cluster("test-a", 0).cgroup
    cgroups.make(group)
    try:
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", BUSY, *where],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # as a client started elsewhere: the kernel shares by session
            )
            for where in ([group], [])
        ]
        for one in racers:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        for one in racers:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        inside, beside = (float(one.communicate()[0]) for one in racers)
    finally:
        cgroups.remove(group)
    assert inside > 3 * beside
