"""Quiet hours, digest, wishes: for every clock and every wish."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.notification.api import Channel, Channels, Kind, Kinds, Preferences, QuietHours, Segment
from shop_contracts.user.api import Preferences as AtUser
from shop_notification.deciding import MARKETING, Occasion, decide, newest_of_each
from shop_notification.links import BadToken, Unsubscription, token, wish_of
from shop_notification.quiet import is_quiet, next_digest, quiet_until
from shop_notification.segments import Customer, agrees, fits
from shop_notification.wishes import following, wants, without

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "Pacific/Apia"]
CHANNELS: tuple[Channel, ...] = ("email", "sms", "push", "inbox")
CLOCKS = st.times().map(lambda t: t.strftime("%H:%M"))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
QUIET = st.builds(QuietHours, begin=CLOCKS, to=CLOCKS, timezone=st.sampled_from(ZONES))
KINDS = st.builds(Kinds, order=st.booleans(), price_drop=st.booleans(), promotion=st.booleans())
PREFERENCES = st.builds(
    Preferences,
    channels=st.builds(Channels, email=KINDS, sms=KINDS, push=KINDS, inbox=KINDS),
    quiet_hours=st.none() | QUIET,
    digest=st.sampled_from(["off", "daily", "weekly"]),
)
WISHED: list[Kind] = ["order", "price_drop", "promotion"]


def occasion(
    kind: Kind, *, urgent: bool = False, about: str = "", key: str = "k", version: int = 0
) -> Occasion:
    return Occasion(
        key=key, kind=kind, template="t", subject="a", data={}, urgent=urgent, about=about, version=version
    )


@given(QUIET, MOMENTS)
def test_quiet_ends_at_the_first_minute_that_is_not(quiet: QuietHours, moment: datetime) -> None:
    until = quiet_until(quiet, moment)
    assert not is_quiet(quiet, until)
    assert moment <= until <= moment + timedelta(days=1, hours=1)
    if until != moment:
        assert is_quiet(quiet, until - timedelta(seconds=1))
        assert all(
            is_quiet(quiet, moment + timedelta(minutes=minutes))
            for minutes in range(0, int((until - moment).total_seconds() // 60), 7)
        )


NIGHT = QuietHours(begin="22:00", to="02:30", timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-03-29T00:10:00+01:00", "2026-03-29T03:00:00+02:00"),  # half past two is not on the clock
        ("2026-10-25T00:10:00+02:00", "2026-10-25T02:30:00+02:00"),  # it is twice: the first counts
        ("2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"),  # quiet again, by the clock on the wall
        ("2026-06-01T12:00:00+02:00", "2026-06-01T12:00:00+02:00"),
        ("2026-06-01T22:00:00+02:00", "2026-06-02T02:30:00+02:00"),
    ],
)
def test_on_the_nights_when_the_clocks_change(moment: str, until: str) -> None:
    assert quiet_until(NIGHT, datetime.fromisoformat(moment)) == datetime.fromisoformat(until)


@given(st.sampled_from(["daily", "weekly"]), st.sampled_from(ZONES), MOMENTS)
def test_a_digest_comes_at_eight_and_soon(every: str, zone: str, moment: datetime) -> None:
    due = next_digest(every, zone, moment)
    local = due.astimezone(ZoneInfo(zone))
    assert local.time() == time(8)
    assert every == "daily" or local.weekday() == 0
    assert moment < due <= moment + timedelta(days=8 if every == "weekly" else 2)


@given(PREFERENCES, st.sampled_from(WISHED), MOMENTS, st.booleans(), st.integers(0, 12))
def test_nobody_is_told_what_they_do_not_want_nor_when(
    preferences: Preferences, kind: Kind, now: datetime, urgent: bool, mailed: int
) -> None:
    ways = decide(occasion(kind, urgent=urgent), preferences, now, reach=CHANNELS, mailed=mailed)
    assert {way.channel for way in ways} == {each for each in CHANNELS if wants(preferences, each, kind)}
    for way in ways:
        assert way.send_at >= now
        held_back = way.channel in ("sms", "push") or (way.channel == "email" and kind in MARKETING)
        if held_back and (not urgent or way.digest):
            assert not is_quiet(preferences.quiet_hours, way.send_at)
        elif not way.digest:
            assert way.send_at == now
        gathered = way.channel == "email" and kind in MARKETING
        assert way.digest == (gathered and (preferences.digest != "off" or mailed >= 6))


@given(PREFERENCES, MOMENTS)
def test_mails_of_an_account_come_at_once_and_by_mail_alone(preferences: Preferences, now: datetime) -> None:
    [way] = decide(occasion("account"), preferences, now, reach=CHANNELS, mailed=100)
    assert (way.channel, way.send_at, way.digest) == ("email", now, False)


@given(PREFERENCES, st.sets(st.sampled_from(CHANNELS)), MOMENTS)
def test_nothing_goes_where_nobody_can_be_reached(
    preferences: Preferences, reach: set[Channel], now: datetime
) -> None:
    assert {way.channel for way in decide(occasion("order"), preferences, now, reach=reach)} <= reach


@given(PREFERENCES, st.sampled_from(CHANNELS), st.sampled_from(WISHED))
def test_to_unsubscribe_takes_one_thing_away(preferences: Preferences, channel: Channel, kind: Kind) -> None:
    after = without(preferences, channel, kind)
    for each in CHANNELS:
        for other in WISHED:
            expected = wants(preferences, each, other) and (each, other) != (channel, kind)
            assert wants(after, each, other) == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=20))
def test_a_digest_says_each_thing_once_and_the_newest_of_it(drops: list[tuple[int, int]]) -> None:
    occasions = [
        occasion("price_drop", about=str(about), key=str(number), version=version)
        for number, (about, version) in enumerate(drops)
    ]
    kept = newest_of_each(occasions)
    assert sorted(each.about for each in kept) == sorted({str(about) for about, _ in drops})
    for each in kept:
        same = [(other.version, int(other.key)) for other in occasions if other.about == each.about]
        assert (each.version, int(each.key)) == max(same)


def test_advertising_only_for_those_who_asked_for_it() -> None:
    nobody, everybody = following(AtUser()), following(AtUser(promotions=True, channels=["email", "push"]))
    assert not any(wants(nobody, channel, "promotion") for channel in CHANNELS)
    assert [channel for channel in CHANNELS if wants(everybody, channel, "promotion")] == ["email", "push"]
    assert not agrees(Segment(), nobody)
    assert agrees(Segment(languages=["en"]), everybody)
    assert not agrees(Segment(languages=["de"]), everybody)


def test_a_segment_is_by_what_somebody_did() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    regular = Customer(orders=3, last_order_at=now - timedelta(days=10))
    assert fits(Segment(orders_at_least=3, ordered_within_days=30), regular, now)
    assert not fits(Segment(orders_at_least=4), regular, now)
    assert not fits(Segment(not_ordered_for_days=30), regular, now)
    assert fits(Segment(not_ordered_for_days=30), Customer(), now)
    assert not fits(Segment(ordered_within_days=30), Customer(), now)


@given(st.sampled_from(WISHED), st.text(), st.text() | st.none(), st.integers(0, 10_000))
def test_a_link_says_what_it_was_made_for_and_nothing_else(
    kind: str, subject: str, address: str | None, at: int
) -> None:
    wish = Unsubscription(kind, subject, address)
    made = token(wish, "secret")
    assert wish_of(made, "secret") == wish
    with pytest.raises(BadToken):
        wish_of(made, "other")
    at %= len(made)
    forged = made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :]
    with suppress(BadToken):  # unless it is the last character, which may have bits that mean nothing
        assert wish_of(forged, "secret") == wish
