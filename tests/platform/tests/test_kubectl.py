import pytest
from shop_platform.kubectl import unwell
from shop_platform.process import Failure, run, tail


def pod(name="catalog-1", phase="Running", conditions=(), spec=None, **statuses):
    status = {"phase": phase, "containerStatuses": [], "conditions": list(conditions), **statuses}
    return {"metadata": {"name": name}, "spec": spec or {"containers": [{"name": "main"}]}, "status": status}


def container(name="main", ready=False, **state):
    return {"name": name, "ready": ready, "state": state}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (pod(containerStatuses=[container(waiting={"reason": "ImagePullBackOff"})]), "ImagePullBackOff"),
        (
            pod(
                containerStatuses=[
                    container(waiting={"reason": "CrashLoopBackOff", "message": "back-off 10s"})
                ]
            ),
            "CrashLoopBackOff: back-off 10s",
        ),
        (pod(containerStatuses=[container(terminated={"reason": "OOMKilled"})]), "OOMKilled"),
        (pod(containerStatuses=[container(running={})]), "running, not ready"),
        (
            pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "message": "0/1 nodes: Insufficient memory"}],
            ),
            "0/1 nodes: Insufficient memory",
        ),
        (pod(phase="Failed", message="The node was low on resource"), "The node was low on resource"),
    ],
)
def test_a_pod_that_is_not_well_says_why(found, reason):
    assert list(unwell([found])) == [("catalog-1", "main", reason)]


def test_pods_that_serve_or_have_ended_well_are_left_out():
    serving = pod(containerStatuses=[container(ready=True, running={})])
    started = pod(
        initContainerStatuses=[container("init", terminated={"reason": "Completed"})],
        containerStatuses=[container(ready=True, running={})],
    )
    assert list(unwell([serving, started, pod(phase="Succeeded")])) == []


def test_the_container_to_blame_is_named():
    sidecar = container("reloader", ready=True, running={})
    broken = container("main", waiting={"reason": "CrashLoopBackOff"})
    assert [name for _, name, _ in unwell([pod(containerStatuses=[sidecar, broken])])] == ["main"]


def test_a_failed_command_is_one_line_and_what_it_said():
    with pytest.raises(Failure, match=r"^sh echo .* failed$") as caught:
        run(["sh", "-c", "echo first; echo why >&2; exit 3"])
    assert caught.value.detail == "first\nwhy"


def test_a_missing_program_says_what_to_do():
    with pytest.raises(Failure, match="make tools"):
        run(["/nonexistent/helm", "version"])


def test_a_command_that_hangs_is_ended():
    with pytest.raises(Failure, match="longer than"):
        run(["sleep", "60"], timeout=0.1)


def test_input_and_environment_reach_the_command():
    assert run(["sh", "-c", 'cat; printf "$GREETING"'], stdin="a", env={"GREETING": "b"}) == "ab"


def test_the_tail_leaves_out_noise():
    assert tail("a\n\nlevel=warning msg=x\nb\nc\n", 2) == "b\nc"
