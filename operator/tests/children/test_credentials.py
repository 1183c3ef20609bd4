"""Two logins that take turns: what the Secrets say is all that decides."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from shop_operator.api import Credentials
from shop_operator.children import Context
from shop_operator.children.credentials import Logins, gaps, logins

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BINDING = {"username": "cart_a", "password": "pa", "revision": "1"}
LOGINS = {"a": "pa", "b": "pb", "current": "a", "revision": "1"}
UNDER_WAY = LOGINS | {"b": "pb2", "next": "2.x"}


def around(
    kept: Mapping[str, str], bound: Mapping[str, str] = BINDING, completed: str | None = None, **more: Any
) -> Context:
    secrets = {"cart-db-logins": kept, "cart-db": bound}
    number = count(1)
    return Context(
        secrets={name: data for name, data in secrets.items() if data},
        completed=frozenset(filter(None, [completed])),
        now=lambda: NOW,
        generate=lambda: f"new{next(number)}",
        **more,
    )


def found(kept: Mapping[str, str], revision: int | None = 1, **more: Any) -> Logins:
    return logins("cart-db", Credentials(revision=revision) if revision else None, around(kept, **more))


def test_at_first_both_are_made_and_the_revision_is_what_was_asked_for() -> None:
    first = found({}, 5, bound={})
    assert (first.current, first.revision, first.next) == ("a", "5", "")
    assert first.passwords == {"a": "new1", "b": "new2"}


def test_nothing_changes_by_itself() -> None:
    for revision in (1, None):
        same = found(LOGINS, revision)
        assert (same.passwords, same.current, same.next) == ({"a": "pa", "b": "pb"}, "a", "")


@pytest.mark.parametrize(
    ("kept", "bound", "current", "passwords"),
    [
        pytest.param({}, {**BINDING, "username": "cart_b"}, "b", {"b": "pa", "a": "new1"}, id="logins"),
        pytest.param(LOGINS, {}, "a", {"a": "pa", "b": "pb"}, id="binding"),
        pytest.param({}, {}, "a", {"a": "new1", "b": "new2"}, id="both"),
        pytest.param({**LOGINS, "a": ""}, BINDING, "a", {"a": "pa", "b": "pb"}, id="one password"),
        pytest.param({**LOGINS, "current": "x"}, BINDING, "a", {"a": "pa", "b": "pb"}, id="which is current"),
        # As an operator that knew one login left it.
        pytest.param(
            {}, {"username": "cart", "password": "p"}, "a", {"a": "p", "b": "new1"}, id="from before"
        ),
    ],
)
def test_what_is_lost_comes_back_from_the_other_secret(
    kept: dict[str, str], bound: dict[str, str], current: str, passwords: dict[str, str]
) -> None:
    healed = found(kept, bound=bound)
    assert (healed.current, healed.passwords, healed.revision) == (current, passwords, "1")


def test_an_edited_binding_is_put_back_from_the_logins() -> None:
    assert found(LOGINS, bound={**BINDING, "password": "mine", "revision": "9"}).password == "pa"


def test_a_rotation_changes_the_login_that_is_not_in_use_then_waits_for_its_job() -> None:
    begun = found(LOGINS, 2)
    assert (begun.current, begun.passwords) == ("a", {"a": "pa", "b": "new1"})
    assert (begun.revision, begun.next) == ("1", "2.new2")
    assert begun.job
    waiting = found(UNDER_WAY, 2)
    assert (waiting.current, waiting.passwords, waiting.next) == ("a", {"a": "pa", "b": "pb2"}, "2.x")
    ended = found(UNDER_WAY, 2, completed=waiting.job)
    assert (ended.current, ended.passwords) == ("b", {"a": "pa", "b": "pb2"})
    assert (ended.revision, ended.next, ended.since) == ("2", "", "2026-11-21T12:00:00Z")


def test_the_job_of_another_password_proves_nothing() -> None:
    other = found({**UNDER_WAY, "next": "2.y"}, 2).job
    assert found(UNDER_WAY, 2, completed=other).current == "a"


def test_a_lost_password_ends_the_attempt_that_was_about_it() -> None:
    lost = found({**UNDER_WAY, "b": ""}, 2, completed=found(UNDER_WAY, 2).job)
    assert (lost.current, lost.passwords["b"], lost.next) == ("a", "new2", "2.new3")


def test_raised_again_meanwhile_it_starts_over() -> None:
    again = found(UNDER_WAY, 3)
    assert (again.current, again.passwords["b"], again.next) == ("a", "new1", "3.new2")


def test_taken_back_meanwhile_it_is_over() -> None:
    for revision in (1, None):
        over = found(UNDER_WAY, revision)
        assert (over.current, over.next, over.job) == ("a", "", None)


def test_the_next_rotation_waits_until_no_pod_can_be_using_the_login_before() -> None:
    wanted = Credentials(revision=2)
    soon = around({**LOGINS, "since": "2026-11-21T11:58:00Z"})
    state = logins("cart-db", wanted, soon)
    assert (state.passwords["b"], state.next) == ("pb", "")
    (gap,) = gaps("database", state, wanted, soon)
    assert (gap.condition, gap.retry_seconds) == ("Progressing", 60.0)
    assert "spec.database.credentials: revision 2 waits until 3 minutes after" in gap.message
    late = found({**LOGINS, "since": (NOW - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ")}, 2)
    assert late.next
    assert found({**LOGINS, "since": "soon"}, 2).next  # a text that is no time does not stop it


def test_a_rotation_says_what_it_waits_for() -> None:
    state = found(UNDER_WAY, 2)
    (gap,) = gaps("database", state, Credentials(revision=2), around(UNDER_WAY))
    assert (gap.reason, gap.retry_seconds) == ("RotatingCredentials", None)
    assert state.job
    assert state.job in gap.message
    assert gaps("database", found(LOGINS), Credentials(), around(LOGINS)) == []


def test_where_the_logins_are_lost_the_binding_says_which_revision_it_is() -> None:
    healed = found({}, 5, bound={**BINDING, "revision": "3"})
    assert (healed.revision, healed.next) == ("3", "5.new3")
    assert found({}, None, bound={}).revision == "0"
    assert found({}, None, bound={"username": "cart_a", "password": "p"}).revision == "0"


def test_less_than_a_second_is_no_reason_to_look_again_sooner() -> None:
    wanted = Credentials(revision=2)
    nearly = replace(
        around({**LOGINS, "since": "2026-11-21T11:57:01Z"}), now=lambda: NOW + timedelta(seconds=0.5)
    )
    (gap,) = gaps("cache", logins("cart-db", wanted, nearly), wanted, nearly)
    assert gap.retry_seconds == 1.0
    assert gap.message == (
        "spec.cache.credentials: revision 2 waits until 3 minutes after the rotation before, "
        "2026-11-21T11:57:01Z: pods may still be using the login before"
    )
