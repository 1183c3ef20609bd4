"""The scripts of the database pod, with a real PostgreSQL."""

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
        here.bind(
            "database",
            {"username": "cart-1", "database": "cart-1", "password": "first 'one", "host": "127.0.0.1"},
        )
        yield here


def query(here: Pod, sql: str, password: str) -> str:
    """As the service does: by TCP, with its password."""
    login = {"PGHOST": "127.0.0.1", "PGUSER": "cart-1", "PGDATABASE": "cart-1", "PGPASSWORD": password}
    done = here.run(f"{BIN}/psql", "-Atqc", sql, **login)
    return done.stdout.strip() if done.returncode == 0 else f"error: {done.stderr}"


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


def test_a_changed_password_is_followed_and_open_connections_stay(database: Pod) -> None:
    started(database)
    assert query(database, "CREATE TABLE t AS SELECT 1 AS n", "first 'one").startswith("error") is False
    session = subprocess.Popen(
        [f"{BIN}/psql", "-Atq"],
        env={**database.env, "PGHOST": "127.0.0.1", "PGUSER": "cart-1", "PGPASSWORD": "first 'one"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert session.stdin
    assert session.stdout
    session.stdin.write("SELECT 'before';\n")
    session.stdin.flush()
    assert session.stdout.readline() == "before\n"

    database.bind("database", {"password": "second"})
    until(lambda: query(database, "SELECT n FROM t", "second") == "1", "the new password works")

    assert query(database, "SELECT n FROM t", "first 'one").startswith("error")
    assert session.communicate("SELECT n FROM t;\n")[0] == "1\n"
    assert session.returncode == 0


def test_sigterm_ends_at_once_and_cleanly_although_a_client_is_connected(database: Pod) -> None:
    server = started(database)
    with subprocess.Popen(
        [f"{BIN}/psql", "-Atqc", "SELECT pg_sleep(600)"],
        env={**database.env, "PGHOST": "127.0.0.1", "PGUSER": "cart-1", "PGPASSWORD": "first 'one"},
        stderr=subprocess.DEVNULL,
    ):
        until(
            lambda: (
                query(
                    database,
                    "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sl'",
                    "first 'one",
                )
                == "1"
            ),
            "the client's query runs",
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
