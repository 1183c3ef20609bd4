from pathlib import Path

import pytest
from shop_platform.kind import decide

BUILT, SCRIPTS = Path("/cache/bin"), Path("/venv/bin")
EVERYTHING = {name: f"/usr/bin/{name}" for name in ("kind", "docker", "kubectl", "helm")}


def choose(present, runs=True):
    return decide(lambda name: EVERYTHING[name] if name in present else None, lambda: runs, BUILT, SCRIPTS)


def test_kind_is_used_where_it_and_a_running_docker_are_there():
    tools = choose(EVERYTHING)
    assert (tools.kind, tools.builder, tools.local) == (Path("/usr/bin/kind"), "docker", False)
    assert (tools.kubectl, tools.helm) == (Path("/usr/bin/kubectl"), Path("/usr/bin/helm"))


def test_beside_kind_a_missing_client_is_the_built_one():
    assert choose({"kind", "docker"}).helm == BUILT / "helm"


@pytest.mark.parametrize(
    ("present", "runs"), [(EVERYTHING, False), ({"kind"}, True), ({"docker", "kubectl"}, True), ((), False)]
)
def test_otherwise_the_local_node_with_its_own_clients(present, runs):
    tools = choose(present, runs)
    assert (tools.kind, tools.builder, tools.local) == (SCRIPTS / "kindlocal", "buildah", True)
    assert (tools.kubectl, tools.helm) == (BUILT / "kubectl", BUILT / "helm")


def test_docker_is_not_asked_where_there_is_no_kind():
    def asked():
        pytest.fail("docker was asked")

    decide(lambda name: None, asked, BUILT, SCRIPTS)
