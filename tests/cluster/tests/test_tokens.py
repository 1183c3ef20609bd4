"""Tokens say who one is, and cannot be made without the secret."""

from hypothesis import given
from hypothesis import strategies as st
from kindlocal import tokens


@given(st.text(), st.lists(st.text()))
def test_what_goes_in_comes_out(user: str, groups: list[str]) -> None:
    assert tokens.read("secret", tokens.make("secret", user, groups)) == (user, groups)


@given(st.text())
def test_what_was_not_made_with_the_secret_is_nobody(text: str) -> None:
    assert tokens.read("secret", text) is None
    assert tokens.read("secret", tokens.make("another", "alice")) is None


def test_the_review() -> None:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "spec": {"token": tokens.make("s", "alice", ["readers"])},
    }
    assert tokens.review("s", request)["status"] == {
        "authenticated": True,
        "user": {"username": "alice", "groups": ["readers"]},
    }
    assert tokens.review("t", request)["status"] == {"authenticated": False}
