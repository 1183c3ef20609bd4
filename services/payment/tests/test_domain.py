"""The state machine, and that the order of a gateway's words does not matter."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_contracts.payment.api import STATES
from shop_payment.domain import (
    DONE,
    IMPLIED,
    MAY,
    TRANSITIONS,
    Charge,
    ChargeRefund,
    ChargeStatus,
    Contradiction,
    Fact,
    Kind,
    Known,
    State,
    What,
    after,
    key_of,
    learn,
    order_of,
    pause,
)
from shop_payment.ledger import Posting, Split, of_fact

PLAIN = Charge("ch_1", "o:authorise", "authorised", 5900, "EUR")


def test_the_tables_speak_of_every_state() -> None:
    assert {state.value for state in State} == set(STATES)
    assert TRANSITIONS.keys() == IMPLIED.keys() == set(State)
    reached = {State.PENDING, State.REFUNDED} | {s for row in TRANSITIONS.values() for s in row.values()}
    assert reached == set(State)
    for state, row in TRANSITIONS.items():
        for fact, following in row.items():
            assert fact not in IMPLIED[state]
            assert fact is What.REFUNDED or fact in IMPLIED[following]
            assert IMPLIED[state] <= IMPLIED[following] or following in DONE[Kind.VOID]
    for kind in (Kind.CAPTURE, Kind.VOID):
        assert not DONE[kind] & MAY[kind]


def histories() -> st.SearchStrategy[list[Charge]]:
    """What a gateway can say of one charge over time."""
    challenge = replace(PLAIN, status="action_required", action_url="https://x")
    held, taken = PLAIN, replace(PLAIN, status="captured", captured=5900, fee=59)

    def with_refunds(amounts: list[int]) -> list[Charge]:
        refunds = [ChargeRefund(f"r{number}", amount) for number, amount in enumerate(amounts)]
        return [replace(taken, refunds=tuple(refunds[: n + 1])) for n in range(len(refunds))]

    endings = st.one_of(
        st.just([replace(PLAIN, status="declined", reason="declined")]),
        st.just([replace(PLAIN, status="voided")]),
        st.just([held]),
        st.just([held, replace(PLAIN, status="voided")]),
        st.lists(st.integers(1, 1475), max_size=4).map(lambda amounts: [held, taken, *with_refunds(amounts)]),
        st.just([held, taken, *with_refunds([5000, 900])]),
    )
    return st.builds(lambda asked, rest: [challenge] * asked + rest, st.integers(0, 1), endings)


def told(words: list[Charge]) -> tuple[State, int, list[Fact]]:
    """Takes words in as payment does."""
    state, captured, refunded, facts, refunds = State.PENDING, 0, 0, [], set()
    for word in words:
        learnt = learn(Known(state, 5900, "EUR", captured, refunds), word)
        assert not learnt.release or state in DONE[Kind.VOID]
        for fact in learnt.facts:
            captured = fact.amount if fact.what is What.CAPTURED else captured
            if fact.what is What.REFUNDED:
                refunded += fact.amount
                refunds.add(fact.key)
            state = after(state, fact, captured=captured, refunded=refunded)
            facts.append(fact)
    return state, refunded, facts


@settings(deadline=None)
@given(histories(), st.data())
def test_words_may_come_in_any_order_twice_or_not_at_all(history: list[Charge], data: Any) -> None:
    """If only the last one comes, all is known that matters; nothing is counted twice."""
    state, refunded, facts = told(history)
    others = data.draw(st.lists(st.sampled_from(history), max_size=8))
    place = data.draw(st.integers(0, len(others)))
    mixed_state, mixed_refunded, mixed = told([*others[:place], history[-1], *others[place:]])
    assert (mixed_state, mixed_refunded) == (state, refunded)
    assert len(mixed) == len(set(mixed))

    def lasting(some: list[Fact]) -> set[Fact]:
        passing = (What.ACTION_REQUIRED, What.AUTHORISED)  # a void, or a decline, tells neither
        return {fact for fact in some if fact.what not in passing}

    assert lasting(mixed) == lasting(facts)


@pytest.mark.parametrize("status", get_args(ChargeStatus))
@pytest.mark.parametrize("state", State)
def test_every_word_in_every_state_is_news_known_released_or_a_contradiction(
    state: State, status: ChargeStatus
) -> None:
    word = replace(PLAIN, status=status, captured=5900 if status == "captured" else 0)
    known = Known(state, 5900, "EUR", 5900 if state in DONE[Kind.CAPTURE] else 0)
    given_up = state in DONE[Kind.VOID]
    holds = status in ("authorised", "action_required", "pending")
    try:
        learnt = learn(known, word)
    except Contradiction:
        assert (given_up and status == "captured") or (not given_up and status in ("declined", "voided"))
        assert state not in (State.PENDING, State.ACTION_REQUIRED)
        return
    assert learnt.release == (given_up and holds)
    assert given_up <= (learnt.facts == ())


@pytest.mark.parametrize(
    "word",
    [
        replace(PLAIN, amount=1),
        replace(PLAIN, currency="USD"),
        replace(PLAIN, status="captured", captured=5900, refunds=(ChargeRefund("r", 5901),)),
    ],
)
def test_what_cannot_be_is_not_believed(word: Charge) -> None:
    with pytest.raises(Contradiction):
        learn(Known(State.AUTHORISED, 5900, "EUR"), word)


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True))
def test_a_key_tells_its_order(order_id: str) -> None:
    assert order_of(key_of(order_id, Kind.AUTHORISE)) == order_id
    assert order_of(key_of(order_id, Kind.CAPTURE)) is None
    assert order_of(order_id) is None


def test_pauses_grow_to_half_a_minute() -> None:
    pauses = [pause(tries) for tries in range(1, 20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (10.0, 30.0)


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6))
def test_postings_of_facts_sum_to_zero(amount: int, tax: int, shipping: int, fee: int) -> None:
    tax, shipping = tax % (amount + 1), shipping % (amount + 1)
    for fact in (Fact(What.CAPTURED, amount, fee), Fact(What.REFUNDED, amount, key="k")):
        postings = of_fact(fact, "test", Split(min(tax, amount - shipping), shipping), "r")
        assert postings
        for posting in postings:
            assert sum(value for _, value in posting.entries) == 0
            assert all(value for _, value in posting.entries)
    assert of_fact(Fact(What.AUTHORISED, amount), "test", Split(0, 0)) == []


@pytest.mark.parametrize("entries", [(), (("a", 1),), (("a", 1), ("b", -2))])
def test_a_posting_that_does_not_balance_cannot_be_made(entries: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        Posting("sale", "", entries)
