"""The scripts of the cache pod, with a real Redis."""

import subprocess
import time
from collections.abc import Iterator

import pytest
from shop_operator.api import Cache
from shop_operator.children.cache import configuration

from .processes import Pod, free_port, pod, until

pytestmark = pytest.mark.redis


@pytest.fixture
def cache() -> Iterator[Pod]:
    with pod("redis", "nobody") as here:
        here.env |= {"REDIS_PORT": str(free_port()), "REDIS_DATA": str(here.root / "data")}
        here.write("data/.keep", "")
        here.write("config/redis.conf", configuration(Cache(persistence="AppendOnly", max_memory="8Mi")))
        here.env["LOGINS"] = str(here.root / "logins")
        here.bind("cache", {"host": "127.0.0.1"})
        logins(here, a='first "one\\', b="standby", current="a")
        yield here


def logins(here: Pod, *, current: str, **passwords: str) -> None:
    """What the kubelet does when the two Secrets change."""
    for login, password in passwords.items():
        here.write(f"logins/{login}", password)
    here.bind("cache", {"password": (here.root / "logins" / current).read_text()})


def redis(here: Pod, password: str, *command: str) -> str:
    return here.run(
        "redis-cli", "-p", here.env["REDIS_PORT"], *command, REDISCLI_AUTH=password
    ).stdout.strip()


def started(here: Pod) -> subprocess.Popen[bytes]:
    server = here.start("start.sh")
    until(lambda: here.script("ready.sh"), "the service can log in")
    return server


def test_it_asks_for_the_password_and_keeps_data_over_a_crash(cache: Pod) -> None:
    server = started(cache)
    assert "NOAUTH" in redis(cache, "", "get", "k")
    assert redis(cache, 'first "one\\', "set", "k", "v") == "OK"
    until(lambda: "aof_pending_bio_fsync:0" in redis(cache, 'first "one\\', "info", "persistence"), "synced")
    head = redis(cache, 'first "one\\', "info", "server").split("process_id:")[1].split()[0]
    subprocess.run(["kill", "-KILL", head], check=True)
    assert server.wait(20) != 0

    started(cache)
    assert redis(cache, 'first "one\\', "get", "k") == "v"


def test_new_passwords_for_both_are_followed_without_a_restart(cache: Pod) -> None:
    server = started(cache)
    redis(cache, 'first "one\\', "set", "k", "v")
    logins(cache, a="second", b="other", current="a")
    assert not cache.script("ready.sh")
    until(lambda: redis(cache, "second", "get", "k") == "v", "the new password works")
    assert redis(cache, "other", "get", "k") == "v"
    assert "NOAUTH" in redis(cache, 'first "one\\', "get", "k")
    assert cache.script("ready.sh")
    assert server.poll() is None
    assert "second" not in cache.log("start.sh")


def test_a_rotation_fails_no_connection_however_late_the_secrets_come(cache: Pod) -> None:
    started(cache)
    redis(cache, 'first "one\\', "set", "k", "v")
    # The Job's pod has the Secret of before, whose password the server would take.
    cache.write("job/b", "standby")
    job = cache.start("login.sh", LOGIN="b", NEXT="2.x", LOGINS=str(cache.root / "job"))
    assert redis(cache, "standby", "get", "k") == "v"
    # The Secret comes to the Job first.
    cache.write("job/b", "fresh")
    cache.write("job/next", "2.x")
    refused = cache.start("login.sh", LOGIN="b", NEXT="2.x", LOGINS=str(cache.root / "job"))
    with pytest.raises(subprocess.TimeoutExpired):
        refused.wait(0.5)
    assert job.poll() is None
    # Then to the server: now the Job ends, and the password may become the current one.
    logins(cache, b="fresh", current="a")
    assert job.wait(30) == 0
    assert redis(cache, 'first "one\\', "get", "k") == redis(cache, "fresh", "get", "k") == "v"
    logins(cache, current="b")
    assert cache.script("ready.sh")


def test_a_full_cache_that_is_kept_refuses_rather_than_forgets(cache: Pod) -> None:
    started(cache)
    assert redis(cache, 'first "one\\', "config", "get", "maxmemory").split() == [
        "maxmemory",
        str(8 * 1024**2),
    ]
    assert redis(cache, 'first "one\\', "config", "get", "maxmemory-policy").split()[1] == "noeviction"
    assert redis(cache, 'first "one\\', "config", "get", "appendfsync").split()[1] == "everysec"


def test_the_exporter_may_look_and_at_no_data(cache: Pod) -> None:
    cache.env["METRICS_PASSWORD"] = "0f1e-uid"
    started(cache)
    redis(cache, 'first "one\\', "set", "k", "v")

    def looks(*command: str) -> str:
        return redis(cache, "0f1e-uid", "--user", "metrics", *command)

    assert "used_memory:" in looks("info", "all")
    assert looks("config", "get", "maxmemory").split()[1] == str(8 * 1024**2)
    for command in (["get", "k"], ["set", "k", "w"], ["keys", "*"], ["config", "set", "maxmemory", "1"]):
        assert "NOPERM" in looks(*command)
    # It stays when the passwords of the service change.
    logins(cache, a="second", b="other", current="a")
    until(lambda: redis(cache, "second", "get", "k") == "v", "the new password works")
    assert "used_memory:" in looks("info", "all")


def test_without_an_exporter_there_is_no_login_for_it(cache: Pod) -> None:
    started(cache)
    assert "metrics" not in redis(cache, 'first "one\\', "acl", "users")


def test_sigterm_ends_it_at_once_with_its_data_on_disk(cache: Pod) -> None:
    server = started(cache)
    redis(cache, 'first "one\\', "set", "k", "v")
    began = time.monotonic()
    server.terminate()
    assert server.wait(10) == 0
    assert time.monotonic() - began < 1.5
    started(cache)
    assert redis(cache, 'first "one\\', "get", "k") == "v"
