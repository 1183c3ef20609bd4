"""How soon a step is seen depends on the windows, and so does what chance does."""

import random
import statistics

import pytest
from shop_bench.autoscaling import windows
from shop_bench.autoscaling.windows import Query, alarms_per_hour, seen_after

RATE, SURGE, IN_FULL = (Query(2, rates) for rates in (((15, 1),), ((15, 1), (4, 0.7)), ((15, 1), (4, 1))))


def test_a_rate_is_what_was_counted_between_a_windows_first_and_last_scrape() -> None:
    times, counts = [0.0, 2.0, 4.0, 6.0], [0, 20, 40, 180]
    assert RATE.value(times, counts, 4.5) == 10
    assert RATE.value(times, counts, 6.5) == 30
    assert SURGE.value(times, counts, 6.5) == pytest.approx(49)
    assert RATE.value(times, counts, 1.5) == 0, "one scrape is no rate"


def test_a_surge_is_seen_sooner_and_in_full_soonest() -> None:
    def median(query: Query) -> float:
        chance = random.Random(1)
        return statistics.median(seen_after(query, chance) for _ in range(300))

    assert median(IN_FULL) < median(SURGE) < median(RATE) - 2


def test_chance_is_taken_for_load_where_a_surge_counts_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "HOURS", 20)
    found = [alarms_per_hour(query, 1, random.Random(1)) for query in (SURGE, IN_FULL)]
    assert found[0] < 1 < found[1]
