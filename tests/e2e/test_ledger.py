"""Credentials are lost and changed under load; data outlives the operator and its namespace."""

from __future__ import annotations

import time

import pytest
from shop_platform.images import plan
from shop_platform.process import run

from .conftest import Kube, wait_for

pytestmark = pytest.mark.needs("operator")

# A service that does nothing but open a connection, write a row and close it, five times a second, with what
# its binding says at that moment. As the chassis does, it reads the files again when the first try is
# refused: they may have been replaced between two of them.
WRITER = """
trap 'exit 0' TERM
write() {
  b=/bindings/database
  PGCONNECT_TIMEOUT=2 PGHOST=$(cat $b/host) PGUSER=$(cat $b/username) PGPASSWORD=$(cat $b/password) \\
    PGDATABASE=$(cat $b/database) "$BIN/psql" -XAtqc "$1"
}
table='CREATE TABLE IF NOT EXISTS entry (n bigserial, login text DEFAULT session_user)'
until write "$table"; do sleep 1; done
while :; do
  row='INSERT INTO entry DEFAULT VALUES'
  write "$row" || write "$row" || echo "failed $(date +%s)"
  sleep 0.2
done
"""
LEDGER = {
    "image": "shop/postgres:15",
    "command": ["/bin/sh", "-c", WRITER],
    "env": [{"name": "BIN", "value": "/usr/lib/postgresql/15/bin"}],
    "probes": {kind: {"exec": {"command": ["true"]}} for kind in ("startup", "readiness", "liveness")},
    "monitoring": {"enabled": False},
    "database": {},
}


class Ledger:
    """That service in a namespace of its own."""

    namespace = "ledger"

    def __init__(self, cluster) -> None:
        self.kube = Kube(cluster, self.namespace)
        self.create()

    def create(self) -> None:
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def apply(self, **database) -> None:
        spec = {**LEDGER, "database": database}
        kind = {"apiVersion": "shopservice.dev/v1", "kind": "ShopService", "metadata": {"name": "ledger"}}
        self.kube.apply({**kind, "spec": spec})

    def ready(self) -> None:
        condition = lambda: self.kube.condition("ledger", "Ready").get("status") == "True"  # noqa: E731
        wait_for("the ledger to be Ready", condition, 180)
        table = "select to_regclass('entry') is not null"
        wait_for("its table", lambda: self.kube.sql("ledger", table) == "t", 60)
        wait_for("it to write", self.writes, 60)

    def rows(self, login: str = "%") -> int:
        return int(self.kube.sql("ledger", f"select count(*) from entry where login like '{login}'"))

    def writes(self) -> bool:
        """Whether rows are added."""
        before = self.rows()
        time.sleep(1)  # what is asked is whether there are more after a while
        return self.rows() > before

    def failures(self) -> list[int]:
        """When a row could not be written, in seconds since the epoch."""
        log = self.kube.run("logs", "-l", "app.kubernetes.io/component=service", "--tail=-1").stdout
        return [int(line.split()[1]) for line in log.splitlines() if line.startswith("failed ")]

    def secrets(self) -> dict[str, dict]:
        return {name: self.kube.get("secret", name)["data"] for name in ("ledger-db", "ledger-db-logins")}


@pytest.fixture(scope="module")
def ledger(kind_cluster, platform):
    here = Ledger(kind_cluster)
    here.apply(credentials={"revision": 1})
    here.ready()
    yield here
    here.kube.run("delete", "namespace", here.namespace, "--wait=false")


def test_a_rotation_under_load_fails_no_write(ledger, wait):
    before, rows = len(ledger.failures()), ledger.rows()
    ledger.apply(credentials={"revision": 2})
    wait("rows of the other login", lambda: ledger.rows("ledger_b") > 20, 120)
    assert len(ledger.failures()) == before
    assert ledger.rows() > rows
    # The login before is still valid: the pod that had it went on with it until its files were replaced.
    wait("the Job to be gone", lambda: not ledger.kube.items("jobs"), 30)


def test_one_after_the_other_of_the_two_secrets_deleted_under_load_is_noticed_by_nobody(ledger, wait):
    before, was = len(ledger.failures()), ledger.secrets()
    for name in was:
        uid = ledger.kube.get("secret", name)["metadata"]["uid"]
        ledger.kube.run("delete", "secret", name)
        wait("the Secret to be back", lambda name=name: ledger.kube.get("secret", name), 30)
        assert ledger.kube.get("secret", name)["metadata"]["uid"] != uid
        assert ledger.secrets()["ledger-db"] == was["ledger-db"]
    rows = ledger.rows()
    wait("a hundred more rows", lambda: ledger.rows() > rows + 100, 120)
    assert len(ledger.failures()) == before


@pytest.mark.takes("operator")
def test_with_both_secrets_lost_under_load_new_ones_work_within_thirty_seconds(ledger, wait):
    rows, was = ledger.rows(), ledger.secrets()
    # While it is there, the operator makes one from the other before both can be gone.
    operator = ("deployment/shop-operator", "--namespace=shop-system")
    ledger.kube.run("scale", *operator, "--replicas=0")
    pods = ("pods", "--namespace=shop-system", "-l", "app.kubernetes.io/name=shop-operator")
    wait("the operator to be away", lambda: not ledger.kube.items(*pods), 60)
    ledger.kube.run("delete", "secret", *was)
    ledger.kube.run("scale", *operator, "--replicas=1")
    wait("both to be back", lambda: all(ledger.kube.get("secret", name) for name in was), 60)
    began = int(ledger.kube.run("exec", "ledger-db-0", "-c", "postgres", "--", "date", "+%s").stdout)
    assert ledger.secrets()["ledger-db"]["password"] != was["ledger-db"]["password"]
    # For longer than it may take a pod to be given them.
    wait("rows of the minute after", lambda: ledger.rows() > rows + 150, 180)
    assert [at - began for at in ledger.failures() if at > began + 30] == []
    assert ledger.kube.condition("ledger", "Ready")["status"] == "True"


@pytest.mark.takes("operator")
def test_without_the_operators_release_the_service_goes_on_and_its_data_stays(ledger, platform, wait):
    """And what happens while there is no operator is put right by the next one."""
    was, claim = ledger.secrets(), ledger.kube.get("persistentvolumeclaim", "data-ledger-db-0")["metadata"]
    helm = [platform.tools.helm, "uninstall", "shop-operator", f"--kube-context={platform.kubectl.context}"]
    run([*helm, f"--kubeconfig={platform.kubeconfig}", "--namespace=shop-system", "--wait"])
    try:
        assert ledger.kube.get("shopservice", "ledger")
        assert ledger.secrets() == was
        wait("it to write without an operator", ledger.writes, 30)
        ledger.kube.run("delete", "secret", "ledger-db")
    finally:
        platform.install_operator(plan())
    wait("the Secret to be back", lambda: ledger.kube.get("secret", "ledger-db"), 60)
    assert ledger.secrets() == was
    assert ledger.kube.get("persistentvolumeclaim", "data-ledger-db-0")["metadata"]["uid"] == claim["uid"]


def test_a_deleted_namespace_leaves_the_volume_and_a_new_one_takes_it_up(ledger, wait):
    assert ledger.kube.condition("ledger", "DataProtected")["reason"] == "Protected"
    rows = ledger.rows()
    volume = ledger.kube.get("persistentvolumeclaim", "data-ledger-db-0")["spec"]["volumeName"]
    ledger.kube.run("delete", "namespace", ledger.namespace, "--timeout=170s")
    kept = wait(
        "the volume to be released",
        lambda: (live := ledger.kube.get("pv", volume)) and live["status"]["phase"] == "Released" and live,
        60,
    )
    assert kept["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    ledger.create()
    ledger.apply(adoptVolume=volume)
    ledger.ready()
    assert ledger.rows() > rows
    assert ledger.kube.get("pv", volume)["status"]["phase"] == "Bound"
    assert ledger.kube.condition("ledger", "DataProtected")["reason"] == "Protected"
