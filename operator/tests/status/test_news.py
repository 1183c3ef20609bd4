"""What has gone wrong is news once."""

import pytest
from shop_operator.status import news


def status(type: str, value: str, reason: str, message: str = "m") -> dict:
    return {"conditions": [{"type": type, "status": value, "reason": reason, "message": message}]}


REFUSED = status("Reconciled", "False", "ChildRefused")


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (REFUSED, {}, ["ChildRefused"]),
        (REFUSED, status("Reconciled", "True", "Applied"), ["ChildRefused"]),
        (REFUSED, REFUSED, []),
        (REFUSED, status("Reconciled", "False", "ChildRefused", "in other words"), []),
        (REFUSED, status("Reconciled", "False", "ChildConflict"), ["ChildRefused"]),
        (status("Reconciled", "True", "Applied"), REFUSED, []),
        (status("Degraded", "True", "CrashLoopBackOff"), {}, ["CrashLoopBackOff"]),
        (status("Degraded", "True", "DependencyMissing"), {}, []),
        (status("Degraded", "False", "AsExpected"), {}, []),
        (status("Ready", "False", "Unavailable"), {}, []),
    ],
)
def test_news(now: dict, before: dict, told: list[str]) -> None:
    assert [reason for reason, _ in news(now, before)] == told
