import json
from pathlib import Path

import pytest
from shop_platform.kubectl import Kubectl, Marks, unwell
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


class Scripted(Kubectl):
    """Waiting always times out; pods look as `looks` says, one entry for each look."""

    def __init__(self, *looks):
        super().__init__(Path("kubectl"), "shop")
        self.__dict__["looks"] = list(looks)

    def __call__(self, *args, **_):
        if args[0] == "logs":
            assert "--previous" in args
            return "starting\ncannot read /etc/shop-auth/jwks.json\n"
        raise Failure("kubectl wait failed", "error: timed out waiting for the condition on deployment/a")

    def items(self, *_):
        return [self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]]


def crashed(restarts, **metadata):
    looping = container(waiting={"reason": "CrashLoopBackOff"}) | {"restartCount": restarts}
    found = pod(containerStatuses=[looping])
    return {**found, "metadata": {**found["metadata"], **metadata}}


def test_a_pod_that_crashes_again_and_again_ends_the_wait_with_its_last_words():
    kubectl = Scripted(crashed(0), crashed(1), crashed(2))
    with pytest.raises(
        Failure, match=r"deployment/a in shop is not ready: pod catalog-1: CrashLoopBackOff"
    ) as caught:
        kubectl.wait("condition=Available", "deployment/a", namespace="shop", seconds=3600)
    assert caught.value.detail.endswith("cannot read /etc/shop-auth/jwks.json")
    assert kubectl.looks == [crashed(2)]


@pytest.mark.parametrize(
    "pods", [[crashed(7), crashed(8)], [crashed(0), crashed(5, deletionTimestamp="2026-11-21T00:00:00Z")]]
)
def test_a_pod_of_before_or_on_its_way_out_is_no_reason_to_give_up(pods, monkeypatch):
    times = iter([0, 0, 1, 1, 6])  # it begins; then before and after each of two looks
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    with pytest.raises(Failure, match="is not ready"):
        Scripted(*pods).wait("condition=Available", "deployment/a", namespace="shop", seconds=5)
    assert list(times) == [], "it went on until the time was over"


def test_what_is_not_there_is_not_waited_for():
    class Missing(Scripted):
        def __call__(self, *args, **_):
            raise Failure("kubectl wait failed", 'Error from server (NotFound): deployments "a" not found')

    with pytest.raises(Failure) as caught:
        Missing(pod(phase="Succeeded")).wait("condition=Available", "deployment/a", namespace="shop")
    assert "NotFound" in caught.value.detail


class Kept(Kubectl):
    """A cluster with one ConfigMap at most; `taken`: somebody else makes it meanwhile."""

    def __init__(self, taken=False):
        super().__init__(Path("kubectl"), "shop")
        self.__dict__.update(data=None, calls=[], taken=taken)

    def __call__(self, verb, *args, **_):
        self.calls.append(verb)
        if verb == "create":
            self.__dict__["data"] = {"of": "another"} if self.taken else {}
            if self.taken:
                raise Failure("kubectl create failed", "Error from server (AlreadyExists)")
        elif self.data is None:
            raise Failure("kubectl patch failed", "Error from server (NotFound)")
        else:
            [patch] = [arg.removeprefix("--patch=") for arg in args if arg.startswith("--patch=")]
            self.data.update(json.loads(patch)["data"])
        return ""


@pytest.mark.parametrize("taken", [False, True])
def test_marks_are_written_in_one_call_beside_those_of_others(taken):
    kubectl = Kept(taken)
    Marks(kubectl).write(one="1", two="2")
    assert kubectl.data == {"one": "1", "two": "2"} | ({"of": "another"} if taken else {})
    kubectl.calls.clear()
    Marks(kubectl).write(two="3", three="3")
    assert kubectl.data.items() >= {"one": "1", "two": "3", "three": "3"}.items()
    assert kubectl.calls == ["patch"]


def test_marks_that_cannot_be_written_are_no_secret():
    class Refused(Kubectl):
        def __call__(self, *args, **_):
            raise Failure("kubectl patch failed", "Error from server (Forbidden)")

    with pytest.raises(Failure, match="patch failed"):
        Marks(Refused(Path("kubectl"), "shop")).write(one="1")


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
