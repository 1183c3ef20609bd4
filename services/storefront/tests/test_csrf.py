from hypothesis import given
from hypothesis import strategies as st
from shop_storefront import csrf
from shop_storefront.sessions import new_id


def test_a_token_holds_for_its_session_alone_and_never_looks_the_same() -> None:
    session, other = new_id(), new_id()
    tokens = {csrf.token(session) for _ in range(20)}
    assert len(tokens) == 20
    assert all(csrf.holds(each, session) for each in tokens)
    assert not any(csrf.holds(each, other) for each in tokens)


@given(st.text(max_size=100))
def test_what_is_no_token_is_none(text: str) -> None:
    assert not csrf.holds(text, "x" * 32)


@given(st.integers(0, 63), st.integers(0, 63))
def test_a_token_that_was_changed_is_none(place: int, shift: int) -> None:
    session = new_id()
    token = csrf.token(session)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[(alphabet.index(token[place]) + shift) % 64]
    changed = token[:place] + other + token[place + 1 :]
    assert csrf.holds(changed, session) == (shift == 0)
