"""The API server alone: it serves, tells users apart, counts calls, and never outlives who started it."""

import json
import os
import select
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kindlocal.apiserver import ApiServer, stop
from kindlocal.errors import KindlocalError

pytestmark = pytest.mark.apiserver

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": ["alice"]}, {"level": "None"}],
}


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer(audit_policy=POLICY, controllers=["deployment", "replicaset"]) as server:
        yield server


def call(
    api: ApiServer, method: str, path: str, body: Any = None, token: str | None = None
) -> tuple[int, Any]:
    request = urllib.request.Request(
        api.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token or api.token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=api.ca)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def watch_until(api: ApiServer, path: str, event: str) -> dict[str, Any]:
    """The first object that a watch reports with this event; the watch itself is the wait."""
    request = urllib.request.Request(
        f"{api.url}{path}{'&' if '?' in path else '?'}watch=1&timeoutSeconds=20",
        headers={"Authorization": f"Bearer {api.token}"},
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=api.ca)) as answer:
        for line in answer:
            seen = json.loads(line)
            if seen["type"] == event:
                return dict(seen["object"])
    raise AssertionError(f"no {event} at {path} within 20 s")


def test_deletion_of_an_owner_takes_what_it_owns(api: ApiServer) -> None:
    maps = "/api/v1/namespaces/default/configmaps"
    _, owner = call(api, "POST", maps, {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    _, owned = call(api, "POST", maps, {"metadata": {"name": "owned", "ownerReferences": [reference]}})
    assert call(api, "DELETE", f"{maps}/owner")[0] == 200
    since = f"resourceVersion={owned['metadata']['resourceVersion']}"
    seen = watch_until(api, f"{maps}?fieldSelector=metadata.name=owned&{since}", "DELETED")
    assert seen["metadata"]["uid"] == owned["metadata"]["uid"]


def test_more_controllers_can_be_had(api: ApiServer) -> None:
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "none"}]},
    }
    deployment = {
        "metadata": {"name": "a"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template},
    }
    assert call(api, "POST", "/apis/apps/v1/namespaces/default/deployments", deployment)[0] == 201
    assert watch_until(api, "/api/v1/namespaces/default/pods?labelSelector=app=a", "ADDED")["kind"] == "Pod"


def test_a_user_may_only_what_rbac_allows_and_is_counted(api: ApiServer) -> None:
    alice = api.token_for("alice", ["readers"])
    assert call(api, "GET", "/api/v1/namespaces", token=alice)[0] == 403
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}]
    call(api, "POST", f"{rbac}/clusterroles", {"metadata": {"name": "readers"}, "rules": rules})
    binding = {
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "readers"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}],
    }
    call(api, "POST", f"{rbac}/clusterrolebindings", binding)
    assert call(api, "GET", "/api/v1/namespaces", token=alice)[0] == 200
    assert api.audit_log
    calls = [json.loads(line) for line in api.audit_log.read_text().splitlines()]
    assert [(c["verb"], c["objectRef"]["resource"], c["responseStatus"]["code"]) for c in calls] == [
        ("list", "namespaces", 403),
        ("list", "namespaces", 200),
    ]


def test_a_token_of_nobody_is_refused(api: ApiServer) -> None:
    forged = api.token_for("alice", ["system:masters"])[:-1] + "x"
    assert call(api, "GET", "/api/v1/namespaces", token=forged)[0] == 401


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import json, sys, time; from pathlib import Path; from kindlocal.apiserver import ApiServer\n"
        "api = ApiServer(folder=Path(sys.argv[1])); api.start()\n"
        "print(json.dumps(api.pids), flush=True); time.sleep(600)"
    )
    folder = tmp_path / "api"
    parent = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE)
    assert parent.stdout
    parts = [os.pidfd_open(pid) for pid in json.loads(parent.stdout.readline()).values()]
    parent.kill()
    parent.wait()
    for part in parts:
        assert select.select([part], [], [], 10)[0], (
            "a part lives on 10 s after the one who started it was killed"
        )
        os.close(part)


def test_the_command_starts_one_that_stays_until_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    command = [sys.executable, "-m", "kindlocal.apiserver"]
    started = subprocess.run([*command, "start", str(folder)], capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    pids = json.loads((folder / "info.json").read_text())["pids"].values()
    assert f"export KUBECONFIG={folder}/kubeconfig" in started.stdout
    again = subprocess.run([*command, "start", str(folder)], capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (
        1,
        f"ERROR: {folder} exists: name a folder that does not (or stop what runs there)\n",
    )
    assert subprocess.run([*command, "stop", str(folder)]).returncode == 0
    assert not folder.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_part_that_cannot_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(KindlocalError, match=r"kube-apiserver ended(.|\n)*unknown flag: --no-such-flag"):
        ApiServer(flags=["--no-such-flag"], folder=tmp_path / "api").start()
    assert not (tmp_path / "api").exists()


def test_stop_refuses_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    with pytest.raises(KindlocalError, match="no API server in"):
        stop(tmp_path)
    assert tmp_path.exists()
