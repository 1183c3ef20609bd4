"""The scripts of the database pod, with a real PostgreSQL."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from .processes import Pod, free_port, pod, until

BIN = "/usr/lib/postgresql/15/bin"
pytestmark = pytest.mark.postgres


@pytest.fixture
def database() -> Iterator[Pod]:
    with pod("postgres", "postgres") as here:
        here.env |= {
            "POSTGRES_BIN": BIN,
            "PGHOST": str(here.root / "socket"),
            "PGPORT": str(free_port()),
            "PGDATA": str(here.root / "data" / "pgdata"),
            "SHARED_BUFFERS": "16MB",
        }
        here.write("socket/.keep", "")
        here.write("data/.keep", "")
        here.env |= {"LOGINS": str(here.root / "logins"), "OWNER": "cart-1"}
        here.bind("database", {"database": "cart-1", "host": "127.0.0.1"})
        logins(here, a="first 'one", b="standby", current="a")
        yield here


def logins(here: Pod, *, current: str, **passwords: str) -> None:
    """What the kubelet does when the two Secrets change."""
    for login, password in passwords.items():
        here.write(f"logins/{login}", password)
    password = (here.root / "logins" / current).read_text()
    here.bind("database", {"username": f"cart-1_{current}", "password": password})


def as_login(login: str, password: str) -> dict[str, str]:
    """By TCP, with a password."""
    return {
        "PGHOST": "127.0.0.1", "PGUSER": f"cart-1_{login}", "PGDATABASE": "cart-1", "PGPASSWORD": password
    }  # fmt: skip


def query(here: Pod, sql: str, password: str, login: str = "a") -> str:
    """As the service does."""
    done = here.run(f"{BIN}/psql", "-Atqc", sql, **as_login(login, password))
    return done.stdout.strip() if done.returncode == 0 else f"error: {done.stderr}"


def session(here: Pod, login: str, password: str) -> subprocess.Popen[str]:
    """A connection that stays."""
    return subprocess.Popen(
        [f"{BIN}/psql", "-Atq"],
        env={**here.env, **as_login(login, password)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(connection: subprocess.Popen[str], sql: str) -> str:
    assert connection.stdin
    assert connection.stdout
    connection.stdin.write(sql + ";\n")
    connection.stdin.flush()
    return connection.stdout.readline().strip()


def started(here: Pod) -> subprocess.Popen[bytes]:
    server = here.start("start.sh")
    here.start("roles.sh")
    until(lambda: here.script("ready.sh"), "the service can log in")
    return server


def test_an_empty_volume_becomes_a_database_that_the_service_owns(database: Pod) -> None:
    assert not database.script("alive.sh")
    assert not database.script("ready.sh")
    started(database)
    assert database.script("alive.sh")
    assert query(database, "CREATE TABLE t (); SELECT current_user", "first 'one") == "cart-1"
    assert query(database, "SHOW fsync", "first 'one") == "on"
    assert query(database, "SHOW data_checksums", "first 'one") == "on"
    assert query(database, "SHOW server_encoding", "first 'one") == "UTF8"
    assert query(database, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", "first 'one") == "f"
    assert "first 'one" not in database.log("start.sh") + database.log("roles.sh")
    assert database.run("sh", f"{database.root}/config/wait.sh").returncode == 0


def test_new_passwords_for_both_are_followed_and_open_connections_stay(database: Pod) -> None:
    """The Secrets were lost."""
    started(database)
    assert query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one").startswith("error") is False
    with session(database, "a", "first 'one") as open_connection:
        assert ask(open_connection, "SELECT 'before'") == "before"

        logins(database, a="second", b="other", current="a")
        until(lambda: query(database, "SELECT n FROM t", "second") == "1", "the new password works")

        assert query(database, "SELECT n FROM t", "first 'one").startswith("error")
        assert query(database, "SELECT n FROM t", "other", "b") == "1"
        assert ask(open_connection, "SELECT n FROM t") == "1"


def test_a_rotation_fails_no_connection_however_late_the_secrets_come(database: Pod) -> None:
    """Step by step as the operator does it; database pod, Job and service see each step at another time."""
    started(database)
    query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one")
    with session(database, "a", "first 'one") as open_connection:
        assert ask(open_connection, "SELECT 'before'") == "before"
        # The Job's pod has the Secret of before, whose password the server would take.
        database.write("job/b", "standby")
        job = database.start("login.sh", LOGIN="b", NEXT="2.x", LOGINS=str(database.root / "job"))
        assert query(database, "SELECT n FROM t", "standby", "b") == "1"
        # The Secret comes to the Job first.
        database.write("job/b", "fresh")
        database.write("job/next", "2.x")
        refused = 'password authentication failed for user "cart-1_b"'
        until(lambda: refused in database.log("start.sh"), "the Job is refused")
        assert job.poll() is None
        # Then to the database: now the Job ends, and the login may become the current one.
        logins(database, b="fresh", current="a")
        assert job.wait(30) == 0
        assert query(database, "SELECT n FROM t", "fresh", "b") == "1"
        assert query(database, "SELECT n FROM t", "first 'one", "a") == "1"
        logins(database, current="b")
        assert database.script("ready.sh")
        # Whoever made a table, both logins own it.
        assert query(database, "ALTER TABLE t ADD m int; SELECT current_user", "fresh", "b") == "cart-1"
        assert ask(open_connection, "INSERT INTO t VALUES (2, 3) RETURNING m") == "3"


def test_a_database_from_before_there_were_two_logins_keeps_its_data(database: Pod) -> None:
    database.start("start.sh")
    until(lambda: database.script("alive.sh"), "the server runs")
    make = "CREATE ROLE \"cart-1\" LOGIN PASSWORD 'old'; CREATE TABLE t AS SELECT 1 AS n"
    local = {"PGDATABASE": "postgres"} | ({"PGUSER": "postgres"} if database.user else {})
    until(
        lambda: database.run(f"{BIN}/psql", "-Atqc", make.split(";")[0], **local).returncode == 0,
        "the role of before is there",
    )
    database.run(f"{BIN}/psql", "-Atqc", 'CREATE DATABASE "cart-1" OWNER "cart-1"', **local)
    before = {"PGUSER": "cart-1", "PGPASSWORD": "old", "PGHOST": "127.0.0.1", "PGDATABASE": "cart-1"}
    assert database.run(f"{BIN}/psql", "-c", make.split(";")[1], **before).returncode == 0

    database.start("roles.sh")
    until(lambda: database.script("ready.sh"), "the service can log in")

    assert query(database, "UPDATE t SET n = 2 RETURNING n", "first 'one") == "2"
    assert database.run(f"{BIN}/psql", "-c", "SELECT 1", **before).returncode != 0


def test_a_volume_with_new_secrets_gives_its_data_to_the_new_logins(database: Pod) -> None:
    """The volume was kept when its namespace was deleted, the Secrets were not."""
    server = started(database)
    query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one")
    server.terminate()
    server.wait(20)
    logins(database, a="new a", b="new b", current="a")

    database.start("start.sh")
    until(lambda: database.script("ready.sh"), "the service can log in")

    assert query(database, "SELECT n FROM t", "new a") == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be another user")
def test_the_exporter_may_look_and_change_nothing(database: Pod) -> None:
    """It is nobody, in the group of the server's socket."""
    started(database)
    query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one")
    socket = database.root / "socket" / f".s.PGSQL.{database.env['PGPORT']}"
    group = socket.stat().st_gid
    database.root.chmod(0o711)
    os.chown(socket.parent, -1, group)
    socket.parent.chmod(0o770)

    def looks(sql: str, role: str = "shop_metrics", of: str = "cart-1") -> str:
        done = subprocess.run(
            [f"{BIN}/psql", "-Atqc", sql],
            env={**database.env, "PGUSER": role, "PGDATABASE": of},
            user="nobody", group=group, extra_groups=[], cwd="/", text=True, capture_output=True, timeout=60,
        )  # fmt: skip
        return done.stdout.strip() if done.returncode == 0 else f"error: {done.stderr}"

    assert looks("SELECT current_user, pg_has_role('pg_monitor', 'member')") == "shop_metrics|t"
    assert int(looks("SELECT pg_database_size('cart-1')")) > 0
    # Statements of others, which only who may look at all of them sees.
    others = "SELECT count(*) FROM pg_stat_activity WHERE query = '<insufficient privilege>'"
    assert looks(others) == "0"
    assert "permission denied" in looks("SELECT * FROM t")
    assert "permission denied" in looks("CREATE TABLE u ()")
    for role in ("postgres", "cart-1", "cart-1_a", "nobody"):
        assert "eer authentication failed" in looks("SELECT 1", role) or "does not exist" in looks(
            "SELECT 1", role
        )


def test_the_exporters_login_is_none_from_outside(database: Pod) -> None:
    started(database)
    asked = {"PGHOST": "127.0.0.1", "PGUSER": "shop_metrics", "PGDATABASE": "cart-1", "PGPASSWORD": ""}
    assert database.run(f"{BIN}/psql", "-c", "SELECT 1", "--no-password", **asked).returncode != 0


def test_sigterm_ends_at_once_and_cleanly_although_a_client_is_connected(database: Pod) -> None:
    server = started(database)
    with subprocess.Popen(
        [f"{BIN}/psql", "-Atqc", "SELECT pg_sleep(600)"],
        env={**database.env, **as_login("a", "first 'one")},
        stderr=subprocess.DEVNULL,
    ):
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'cart-1_a'"
        until(
            lambda: query(database, sessions, "first 'one") == "2", "the client is connected beside this one"
        )
        began = time.monotonic()
        server.terminate()
        assert server.wait(20) == 0
    assert time.monotonic() - began < 10
    assert "received fast shutdown request" in database.log("start.sh")
    assert "database system is shut down" in database.log("start.sh")


def test_a_killed_server_recovers_with_what_was_committed(database: Pod) -> None:
    server = started(database)
    query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one")
    head = int((database.root / "data" / "pgdata" / "postmaster.pid").read_text().splitlines()[0])
    subprocess.run(["kill", "-KILL", str(head)], check=True)
    assert server.wait(20) != 0

    database.start("start.sh")
    until(lambda: query(database, "SELECT n FROM t", "first 'one") == "1", "the row is there after recovery")


@pytest.mark.parametrize("left_behind", ["pgdata.new/PG_VERSION", "pgdata.new/base/1/garbage"])
def test_a_crash_while_the_data_folder_was_made_leaves_nothing(database: Pod, left_behind: str) -> None:
    database.write(f"data/{left_behind}", "15\n")
    started(database)
    assert query(database, "SELECT 1", "first 'one") == "1"
    assert not (database.root / "data" / "pgdata.new").exists()


def test_data_of_another_version_is_refused_and_left_alone(database: Pod) -> None:
    database.write("data/pgdata/PG_VERSION", "14\n")
    (database.root / "data" / "pgdata").chmod(0o700)
    server = database.start("start.sh")
    assert server.wait(20) != 0
    assert "initialized by PostgreSQL version 14" in database.log("start.sh")
    assert (database.root / "data" / "pgdata" / "PG_VERSION").read_text() == "14\n"
