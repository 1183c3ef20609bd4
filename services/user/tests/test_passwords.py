"""Which passwords are accepted, and how they are kept."""

import asyncio
import threading
import time

import pytest
from shop_chassis.problems import Problem
from shop_user.passwords import COMMON, FEWEST_CHARACTERS, Passwords, weakness

PASSWORD = "correct horse battery"


async def test_they_are_kept_by_argon2id_with_the_memory_that_owasp_advises() -> None:
    passwords = Passwords(workers=1, waiting=1)
    kept = await passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.check(PASSWORD, kept) == (True, None)
    assert await passwords.check(PASSWORD + "x", kept) == (False, None)
    assert await passwords.hash(PASSWORD) != kept  # salted
    await passwords.stop()


async def test_for_nobody_as_much_work_is_done_and_nothing_is_right() -> None:
    passwords = Passwords(workers=1, waiting=1)
    kept = await passwords.hash(PASSWORD)

    async def spent(stored: str | None) -> float:
        began = time.process_time()
        assert (await passwords.check("wrong", stored))[0] is False
        return time.process_time() - began

    known, nobody = [min([await spent(stored) for _ in range(3)]) for stored in (kept, None)]
    assert 0.5 < known / nobody < 2
    await passwords.stop()


async def test_a_few_are_checked_at_a_time_and_more_than_can_wait_are_refused() -> None:
    passwords = Passwords(workers=1, waiting=1, memory_kib=64)
    busy = threading.Event()
    passwords._pool.submit(busy.wait)  # the worker is busy
    waiting = [asyncio.ensure_future(passwords.hash(PASSWORD)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await passwords.hash(PASSWORD)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    busy.set()
    await asyncio.gather(*waiting)
    assert await passwords.hash(PASSWORD)  # there is room again
    await passwords.stop()


def test_long_ones_are_accepted_whatever_they_are_made_of() -> None:
    for password in (
        PASSWORD,
        "all lower case words",
        "ÄÖÜ über alle Maßen",
        "🐈🐕🐎🐄🐖🐑🐐🦌🐓🦃🦆🦢",
        "a" * 8 + "bcdefg",
    ):
        assert weakness(password, "ann@example.com", "Ann") is None


def test_what_everybody_tries_first_is_not() -> None:
    assert "most common" in str(weakness("PASSWORD1234"))
    assert "different characters" in str(weakness("aaaabbbbaaaabbbb"))
    assert "e-mail" in str(weakness("Ann.Example@example.com", "ann.example@EXAMPLE.com"))
    assert "e-mail" in str(weakness("ann.example.1", "ann.example.1@example.com"))
    assert "name" in str(weakness("annabelle example", "a@example.com", "Annabelle Example"))


def test_the_list_holds_what_the_other_rules_let_through() -> None:
    assert len(COMMON) > 50
    for word in COMMON:
        assert len(word) >= 12
        assert word == word.casefold()
        assert len(set(word)) >= FEWEST_CHARACTERS
