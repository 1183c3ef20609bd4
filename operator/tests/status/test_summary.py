"""What `kubectl get shopservices` says in one word."""

import pytest
from shop_operator.status.conditions import Condition, summary

WELL = {
    "Ready": (True, "Available"),
    "Progressing": (False, "Stable"),
    "Degraded": (False, "AsExpected"),
    "AutoscalingActive": (True, "ScalerActive"),
    "Reconciled": (True, "Applied"),
}
STARTING = {"Ready": (False, "Unavailable"), "Progressing": (True, "RollingOut")}


@pytest.mark.parametrize(
    ("differing", "said"),
    [
        ({}, "Available"),
        ({"Ready": (True, "ScaledToZero")}, "ScaledToZero"),
        (STARTING, "RollingOut"),
        ({"Progressing": (True, "Migrating")}, "Migrating"),
        ({"Ready": (False, "DatabaseNotReady")}, "DatabaseNotReady"),
        ({**STARTING, "Degraded": (True, "CrashLoopBackOff")}, "CrashLoopBackOff"),
        ({**STARTING, "Reconciled": (False, "ChildConflict")}, "ChildConflict"),
        ({"Degraded": (True, "CrashLoopBackOff"), "Reconciled": (False, "InvalidSpec")}, "InvalidSpec"),
        ({"Reconciled": (None, "Suspended")}, "Suspended"),
        ({"AutoscalingActive": (False, "MetricNotAvailable")}, "MetricNotAvailable"),
    ],
)
def test_the_word_that_says_most(differing: dict, said: str) -> None:
    found = [Condition(type_, *state) for type_, state in {**WELL, **differing}.items()]
    assert summary(found) == said


def test_a_service_without_an_autoscaler_has_one_too() -> None:
    found = [Condition(type_, *state) for type_, state in WELL.items() if type_ != "AutoscalingActive"]
    assert summary(found) == "Available"
