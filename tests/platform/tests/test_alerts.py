"""The shop's alerts, evaluated by Prometheus: what each is about fires it, and a moment of it does not."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kindlocal import promtool
from kindlocal.promtool import Story
from shop_operator.children.scripts import folder
from shop_platform.kind import find_tools
from shop_platform.paths import CHARTS

pytestmark = pytest.mark.apiserver

MONITORED = "--api-versions=monitoring.coreos.com/v1"
POD = 'namespace="shop",job="order-processing",pod="a-1"'
OTHER = 'namespace="shop",job="order-processing",pod="a-2"'
EVENTS = f'consumer_events_total{{{POD},stream="payment",consumer="order-processing",type="x"'
GAVE_UP, APPLIED = (f'{EVENTS},outcome="{outcome}"}}' for outcome in ("dead_lettered", "applied"))
QUIET, FAULT, AFTER = 30, 60, 90
"""Minutes of each part of a story."""


def rules(*flags: str) -> list[dict[str, Any]]:
    """The chart's PrometheusRules."""
    words = ["template", "shop", str(CHARTS / "shop"), "-n", "shop", "--kube-version=1.30", *flags]
    done = subprocess.run([find_tools().helm, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return [one for one in found if one["kind"] == "PrometheusRule"]


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    (rule,) = rules(MONITORED)
    return rule["spec"]["groups"]


def gauge(name: str, bad: float):
    """One replica shows it, another has not looked yet."""

    def tell(told: Story, minutes: float) -> None:
        told.gauge(f"{name}{{{POD}}}", (QUIET, 0), (minutes, bad), (AFTER, 0))
        told.gauge(f"{name}{{{OTHER}}}", (QUIET + minutes + AFTER, 0))

    return tell


def dead_letters(told: Story, minutes: float) -> None:
    told.counter(GAVE_UP, (QUIET, 0), (minutes, 0.01), (AFTER, 0))
    told.counter(APPLIED, (QUIET + minutes + AFTER, 1))


LAG = 'nats_consumer_pending{namespace="shop",job="broker-metrics",stream="order-taking",consumer="mail"}'
CIRCUIT = 'namespace="shop",job="cart",server_address="catalog",state="open"'
TURN = 'namespace="shop",job="warehouse",name="lapsed reservations"'
DATABASE = 'namespace="shop",job="cart-db",pod="cart-db-0"'
CACHE = 'namespace="shop",job="cart-cache",pod="cart-cache-0"'
STORAGE = 'namespace="shop",name="cart",job="shop-operator",pod="op-1",store="database"'
BROKER = 'namespace="shop",job="broker-metrics",pod="b-1"'
GIB = 1024**3


def stands(series: str, good: float, bad: float, **others: float):
    """A number that is good, bad, and good again; the others stay."""

    def tell(told: Story, minutes: float) -> None:
        told.gauge(series, (QUIET, good), (minutes, bad), (AFTER, good))
        for other, value in others.items():
            told.gauge(other, (QUIET + minutes + AFTER, value))

    return tell


def turns(told: Story, minutes: float) -> None:
    """One in a minute, that is done or fails."""
    for outcome, good, bad in (("done", 1, 0), ("failed", 0, 1)):
        told.counter(
            f'schedule_runs_total{{{TURN},outcome="{outcome}"}}',
            (QUIET, good / 60),
            (minutes, bad / 60),
            (AFTER, good / 60),
        )


def half_open(told: Story, minutes: float) -> None:
    """It lets one call through now and then, which fails."""
    tries = ["1", "1", "1", "0"] * round(minutes / 2)
    values = ["0"] * QUIET * 2 + tries + ["0"] * AFTER * 2
    told.series[f"http_client_circuit_state{{{CIRCUIT}}}"] = " ".join(values)


FULL = {
    f'redis_instance_info{{{CACHE},maxmemory_policy="noeviction"}}': 1,
    f"redis_memory_max_bytes{{{CACHE}}}": 64.0,
}
ALERTS = {
    # name: its story, its severity, minutes of the fault after which it fires at the latest
    "OrderSagaStuck": (gauge("order_sagas_stuck", 2), "page", 6),
    "EventsNotPublished": (gauge("outbox_oldest_event_age_seconds", 90), "page", 6),
    "EventsDeadLettered": (dead_letters, "ticket", 5),
    "ConsumerLags": (stands(LAG, 3, 150), "ticket", 16),
    "CircuitOpen": (half_open, "ticket", 9),
    "ScheduleFails": (turns, "ticket", 47),
    "NotScraped": (stands(f"up{{{DATABASE}}}", 1, 0), "ticket", 11),
    "DatabaseNearlyFull": (
        stands(
            f'pg_database_size_bytes{{{DATABASE},datname="cart"}}',
            0.1 * GIB,
            0.6 * GIB,
            **{f"shop_service_storage_bytes{{{STORAGE}}}": GIB},
        ),
        "ticket",
        16,
    ),
    "DatabaseConnectionsNearlyUsed": (
        stands(f'pg_stat_database_numbackends{{{DATABASE},datname="cart"}}', 12, 90),
        "ticket",
        6,
    ),
    "DatabaseTransactionOpen": (
        stands(f'pg_stat_activity_max_tx_duration{{{DATABASE},state="idle in transaction"}}', 0.1, 700),
        "ticket",
        6,
    ),
    "CacheNearlyFull": (stands(f"redis_memory_used_bytes{{{CACHE}}}", 20, 60, **FULL), "ticket", 11),
    "CacheNotWritten": (stands(f"redis_aof_last_write_status{{{CACHE}}}", 1, 0), "page", 3),
    "BrokerNearlyFull": (
        stands(
            f"nats_jetstream_storage_bytes{{{BROKER}}}",
            100,
            850,
            **{f"nats_jetstream_storage_limit_bytes{{{BROKER}}}": 1000},
        ),
        "ticket",
        11,
    ),
    "BrokerNotSeen": (stands(f"nats_up{{{BROKER}}}", 1, 0), "ticket", 6),
}
PASSES_AT_ONCE = {"EventsDeadLettered"}
"""Where one is one too many."""


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires_and_ends_and_no_other_does(alert, groups, tmp_path: Path) -> None:
    tell, severity, within = ALERTS[alert]
    told = Story(groups)
    tell(told, FAULT)
    told.silent(QUIET - 1, alert)
    told.fires(QUIET + within, alert, severity)
    told.silent(QUIET + FAULT + AFTER - 1, alert)
    for other in ALERTS.keys() - {alert}:
        told.silent(QUIET + FAULT - 1, other)
    told.told(tmp_path)


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if alert not in PASSES_AT_ONCE])
def test_a_moment_is_no_fault(alert, groups, tmp_path: Path) -> None:
    """What goes on by itself within two minutes disturbs nobody."""
    told = Story(groups)
    ALERTS[alert][0](told, 2)
    for minutes in range(QUIET, QUIET + 12, 2):
        told.silent(minutes, alert)
    told.told(tmp_path)


def test_events_that_wait_less_than_a_minute_are_no_fault(groups, tmp_path: Path) -> None:
    told = Story(groups)
    gauge("outbox_oldest_event_age_seconds", 50)(told, FAULT)
    told.silent(QUIET + FAULT - 1, "EventsNotPublished")
    told.told(tmp_path)


def test_the_first_dead_letter_of_a_pod_is_seen(groups, tmp_path: Path) -> None:
    """Its series begins with it, and never grows; an hour later the alert ends."""
    told = Story(groups)
    told.gauge(GAVE_UP, (QUIET, None), (FAULT + AFTER, 1))
    told.silent(QUIET - 1, "EventsDeadLettered")
    told.fires(QUIET + 1, "EventsDeadLettered", "ticket")
    told.fires(QUIET + 59, "EventsDeadLettered", "ticket")
    told.silent(QUIET + 62, "EventsDeadLettered")
    told.told(tmp_path)


def test_a_cache_that_may_forget_is_always_full(groups, tmp_path: Path) -> None:
    told = Story(groups)
    stands(f"redis_memory_used_bytes{{{CACHE}}}", 64, 64, **{f"redis_memory_max_bytes{{{CACHE}}}": 64})(
        told, FAULT
    )
    told.gauge(f'redis_instance_info{{{CACHE},maxmemory_policy="allkeys-lru"}}', (QUIET + FAULT + AFTER, 1))
    told.silent(QUIET + FAULT - 1, "CacheNearlyFull")
    told.told(tmp_path)


def test_one_pod_of_two_that_is_scraped_is_enough(groups, tmp_path: Path) -> None:
    told = Story(groups)
    stands(f"up{{{POD}}}", 1, 0, **{f"up{{{OTHER}}}": 1})(told, FAULT)
    told.silent(QUIET + FAULT - 1, "NotScraped")
    told.told(tmp_path)


def test_the_connections_are_those_of_the_configuration(groups) -> None:
    (rule,) = (
        rule
        for group in groups
        for rule in group["rules"]
        if rule["alert"] == "DatabaseConnectionsNearlyUsed"
    )
    (most,) = re.findall(r"^max_connections = (\d+)$", folder("postgres")["postgresql.conf"], re.M)
    assert f"of the {most} connections" in rule["annotations"]["description"]
    assert int(rule["expr"].rpartition(">")[2]) < int(most)


def test_the_logs_share_of_a_volume_is_that_of_the_configuration(groups) -> None:
    (rule,) = (rule for group in groups for rule in group["rules"] if rule["alert"] == "DatabaseNearlyFull")
    (most,) = re.findall(r"^max_wal_size = (\d+)MB$", folder("postgres")["postgresql.conf"], re.M)
    assert f"+ {most} * 1024 ^ 2" in rule["expr"]


def test_every_alert_is_told_of_here(groups, tmp_path: Path) -> None:
    assert [rule["alert"] for group in groups for rule in group["rules"]] == list(ALERTS)
    promtool.check(groups, tmp_path)


def test_alerts_are_there_where_the_prometheus_operator_is_unless_switched_off() -> None:
    assert rules() == []
    assert rules(MONITORED, "--set=alerts.enabled=false") == []
    (rule,) = rules(MONITORED, "--set=alerts.labels.release=x", "--set=runbookUrl=https://books.example.com")
    assert rule["metadata"]["labels"]["release"] == "x"
    assert "https://books.example.com/shop.md#ordersagastuck" in str(rule)
    assert "docs/runbooks" not in str(rule)
