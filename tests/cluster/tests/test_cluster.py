"""What a cluster can do, on one made by pytest-kind's own fixture: it is what `kind` users expect of it."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from kindlocal.paths import cache, cache_table
from pytest_kind import KindCluster

pytestmark = pytest.mark.cluster


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Look again until it is so, for at most so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} is not so after {seconds} s"
        time.sleep(0.2)


def kind(cluster: KindCluster, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([cluster.kind_path, *args, "--name", cluster.name], capture_output=True, text=True)


def image(cluster: KindCluster, name: str) -> str:
    """Load an image that kindlocal-build made; returns its reference."""
    entry = cache_table("images.json")[name]
    loaded = kind(cluster, "load", "image-archive", str(cache() / entry["archive"]))
    assert loaded.returncode == 0, loaded.stderr
    return str(entry["reference"])


@pytest.fixture(scope="module")
def cluster(kind_cluster: KindCluster) -> Iterator[KindCluster]:
    """A cluster with the workloads applied; they come up at the same time."""
    _install_metrics_server(kind_cluster)
    text = Path(__file__).with_name("workloads.yaml").read_text()
    manifest = Template(text).substitute(busybox=image(kind_cluster, "busybox"))
    kind_cluster.kubectl("apply", "-f", "-", input=manifest)
    kind_cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    kind_cluster.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
    yield kind_cluster
    kind_cluster.kubectl("delete", "-f", "-", "--wait=false", input=manifest)


def _install_metrics_server(cluster: KindCluster) -> None:
    """From the manifest in its module, with the image that was built."""
    source = cache_table("modules.json")["sigs.k8s.io/metrics-server"]
    reference = image(cluster, "metrics-server")
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", f"{source}/manifests/base")))
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["image"] = reference
    # Real kind's kubelets sign their own certificates.
    container["args"] += ["--kubelet-insecure-tls", "--metric-resolution=10s", "--kubelet-request-timeout=5s"]
    container["readinessProbe"] |= {"initialDelaySeconds": 1, "periodSeconds": 1}
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))


def get(cluster: KindCluster, *args: str) -> Any:
    return json.loads(cluster.kubectl("get", *args, "-o", "json"))


def terminal_reason(cluster: KindCluster, pod: str) -> str:
    state = get(cluster, "pod", pod)["status"].get("containerStatuses", [{"state": {}}])[0]["state"]
    return str(state.get("terminated", {}).get("reason", ""))


def restarts(cluster: KindCluster, pod: str) -> int:
    return int(
        get(cluster, "pod", pod)["status"].get("containerStatuses", [{"restartCount": 0}])[0]["restartCount"]
    )


def fetch(cluster: KindCluster, url: str) -> bool:
    """Whether the client pod gets an answer."""
    wget = ["timeout", "1", "wget", "-q", "-O", "-", url]
    command = [str(cluster.kubectl_path), "exec", "client", "--", *wget]
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig_path)}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def answer(url: str) -> str:
    # Straight, whatever proxy the machine has.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=3) as response:
        return str(response.read().decode())


def node_address(cluster: KindCluster) -> str:
    addresses = get(cluster, "nodes")["items"][0]["status"]["addresses"]
    return next(str(one["address"]) for one in addresses if one["type"] == "InternalIP")


def web(cluster: KindCluster) -> tuple[str, str]:
    """Addresses of a pod of web and of its Service."""
    pod = get(cluster, "pods", "-l", "app=web")["items"][0]["status"]["podIP"]
    return pod, get(cluster, "service", "web")["spec"]["clusterIP"]


def test_dns_and_storage_are_there_from_the_start(cluster: KindCluster) -> None:
    for namespace in ("kube-system", "local-path-storage"):
        cluster.kubectl(
            "wait", "--for=condition=Available", "deployment", "--all", "-n", namespace, "--timeout=60s"
        )


def test_a_service_by_its_name_and_by_a_node_port(cluster: KindCluster) -> None:
    assert fetch(cluster, "http://web.default.svc.cluster.local/")
    assert fetch(cluster, "http://web/")
    assert answer(f"http://{node_address(cluster)}:30080/") == "hello\n"


def test_the_host_reaches_pods_and_services(cluster: KindCluster, local: None) -> None:
    pod, service = web(cluster)
    assert answer(f"http://{pod}:8000/") == "hello\n"
    assert answer(f"http://{service}/") == "hello\n"


def test_nothing_leaves_the_node(cluster: KindCluster, local: None) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        cluster.kubectl("exec", "client", "--", "wget", "http://192.0.2.1/", stderr=subprocess.STDOUT)
    assert "unreachable" in failure.value.output, "refused, but not at once"
    with pytest.raises(subprocess.CalledProcessError) as failure:
        cluster.kubectl("exec", "client", "--", "wget", "http://example.com/", stderr=subprocess.STDOUT)
    assert "bad address" in failure.value.output


def test_exec_logs_cp_and_port_forward(cluster: KindCluster, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        cluster.kubectl("exec", "client", "--", "sh", "-c", "exit 7")
    assert failure.value.returncode == 7
    until(
        lambda: "response:200" in cluster.kubectl("logs", "-l", "app=web", "--tail=-1"),
        5,
        "a request in the log",
    )
    (tmp_path / "file").write_text("content")
    cluster.kubectl("cp", str(tmp_path / "file"), "client:/tmp/file")
    assert cluster.kubectl("exec", "client", "--", "cat", "/tmp/file") == "content"
    with cluster.port_forward("service/web", 80, retries=1) as port:
        assert answer(f"http://127.0.0.1:{port}/") == "hello\n"


def test_a_job_completes(cluster: KindCluster) -> None:
    cluster.kubectl("wait", "--for=condition=complete", "job/job", "--timeout=60s")


def test_data_outlives_its_pod(cluster: KindCluster) -> None:
    cluster.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    before = cluster.kubectl("exec", "db-0", "--", "cat", "/data/log")
    cluster.kubectl("delete", "pod", "db-0")
    cluster.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    assert cluster.kubectl("exec", "db-0", "--", "cat", "/data/log") == before + "start db-0\n"


def test_what_falls_is_started_again(cluster: KindCluster) -> None:
    until(lambda: restarts(cluster, "crash") > 0, 30, "a restart after a crash")
    until(lambda: restarts(cluster, "liveness") > 0, 30, "a restart after failed liveness probes")


def test_memory_beyond_the_limit_kills(cluster: KindCluster) -> None:
    until(lambda: terminal_reason(cluster, "greedy") == "OOMKilled", 30, "OOMKilled")


def test_a_cpu_limit_throttles(cluster: KindCluster) -> None:
    until(lambda: terminal_reason(cluster, "throttled") == "Completed", 60, "the end of the work")
    clock, shell, *_ = cluster.kubectl("logs", "throttled").splitlines()
    before, after = map(float, clock.split())
    used = sum(60 * float(m) + float(s.rstrip("s")) for m, s in (part.split("m") for part in shell.split()))
    assert 0.1 < used / (after - before) < 0.25


@pytest.mark.parametrize("pod", ["privileged", "host-network", "restricted", "guaranteed", "sidecar"])
def test_pods_of_every_kind_run(cluster: KindCluster, pod: str) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")


def test_a_host_port(cluster: KindCluster) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "pod/restricted", "--timeout=60s")
    cluster.kubectl("exec", "restricted", "--", "sh", "-c", "echo here > /m/index.html")
    assert answer(f"http://{node_address(cluster)}:8088/") == "here\n"


def test_network_policies(cluster: KindCluster, local: None) -> None:
    pod, service = (f"http://{address}" for address in web(cluster))
    pod += ":8000"

    def policy(name: str, ingress: list[object]) -> None:
        spec = {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        }
        body = {"metadata": {"name": name}, "spec": spec}
        manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **body}
        cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))

    assert fetch(cluster, pod)
    policy("deny", [])
    until(lambda: not fetch(cluster, pod), 5, "refused by the policy")
    assert not fetch(cluster, service)
    client = {"podSelector": {"matchLabels": {"app": "client"}}}
    policy("allow", [{"from": [client], "ports": [{"port": "http"}]}])
    until(lambda: fetch(cluster, pod), 5, "allowed by the second policy")
    assert fetch(cluster, service)
    cluster.kubectl("label", "pod", "client", "app=stranger", "--overwrite")
    until(lambda: not fetch(cluster, pod), 5, "refused under another label")
    cluster.kubectl("delete", "networkpolicy", "--all")
    until(lambda: fetch(cluster, pod), 5, "open again")


def test_network_policies_are_read_with_no_more_rights_than_needed(cluster: KindCluster, local: None) -> None:
    def can(*what: str) -> str:
        options = {"stderr": subprocess.DEVNULL}
        try:
            return cluster.kubectl("auth", "can-i", *what, "--as", "kindlocal:netpol", **options).strip()
        except subprocess.CalledProcessError as refusal:
            return str(refusal.output).strip()

    assert can("watch", "pods", "-A") == "yes"
    assert can("watch", "networkpolicies", "-A") == "yes"
    assert can("delete", "pods", "-A") == "no"
    assert can("get", "secrets", "-A") == "no"


def test_metrics_and_an_autoscaler_on_cpu(cluster: KindCluster) -> None:
    cluster.kubectl("-n", "kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=60s")

    def ready() -> int:
        return int(get(cluster, "deployment", "busy")["status"].get("readyReplicas", 0))

    until(lambda: ready() == 3, 90, "three replicas of the busy one")
    assert "busy" in cluster.kubectl("top", "pods")


def test_an_image_from_the_builder(cluster: KindCluster, builder: str, tmp_path: Path) -> None:
    shutil.copy(cache() / "bin" / "pause", tmp_path / "pause")
    (tmp_path / "data").write_bytes(os.urandom(20_000_000))
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY pause data /\nENTRYPOINT ["/pause"]\n')
    name = "kindlocal-test/data:1"
    subprocess.run([builder, "build", "-q", "-t", name, str(tmp_path)], check=True, capture_output=True)
    try:
        first, second = (kind(cluster, "load", "docker-image", name) for _ in range(2))
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert "not yet present on node" in first.stderr
        assert "found to be already present on all nodes" in second.stderr
        cluster.kubectl("run", "loaded", "--image", name, "--image-pull-policy=Never", "--restart=Never")
        cluster.kubectl("wait", "pod/loaded", "--for=condition=Ready", "--timeout=30s")
    finally:
        subprocess.run([builder, "rmi", name], check=True, capture_output=True)
        cluster.kubectl("delete", "pod", "loaded", "--now", "--ignore-not-found")


def test_an_image_that_is_not_there(cluster: KindCluster) -> None:
    missing = kind(cluster, "load", "docker-image", "kindlocal-test/none:1")
    assert missing.returncode == 1
    assert 'ERROR: image: "kindlocal-test/none:1" not present locally' in missing.stderr
    missing = kind(cluster, "load", "image-archive", "/nonexistent.tar")
    assert (missing.returncode, "/nonexistent.tar: no such file" in missing.stderr) == (1, True)
