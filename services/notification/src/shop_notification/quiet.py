"""When somebody may be disturbed, and when their digest is due: pure functions of the clock on their wall."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shop_contracts.notification.api import QuietHours

DIGEST_AT = time(8)
MINUTE = timedelta(minutes=1)


def is_quiet(quiet: QuietHours | None, moment: datetime) -> bool:
    """Whether the clock on the wall shows a time of the quiet hours."""
    if quiet is None:
        return False
    begin, end = time.fromisoformat(quiet.begin), time.fromisoformat(quiet.to)
    shown = moment.astimezone(ZoneInfo(quiet.timezone)).time()
    if begin <= end:
        return begin <= shown < end
    return shown >= begin or shown < end


def quiet_until(quiet: QuietHours | None, moment: datetime) -> datetime:
    """The first moment from this one on at which it is not quiet; this one itself, most of the day."""
    if quiet is None or not is_quiet(quiet, moment):
        return moment
    zone = ZoneInfo(quiet.timezone)
    local = moment.astimezone(zone)
    end = time.fromisoformat(quiet.to)
    left = timedelta(hours=end.hour - local.hour, minutes=end.minute - local.minute)
    left -= timedelta(seconds=local.second, microseconds=local.microsecond)
    until = moment + left % timedelta(days=1)
    if until.astimezone(zone).utcoffset() == local.utcoffset():
        return until
    # Clocks change meanwhile, on two nights of the year: the wall may skip the end, or show it twice.
    return next(minute for minute in _minutes_after(moment) if not is_quiet(quiet, minute))


def next_digest(every: str, zone: str, moment: datetime) -> datetime:
    """The first eight o'clock in the morning after that moment; of a weekly digest Monday's."""
    local = moment.astimezone(ZoneInfo(zone))
    due = datetime.combine(local.date(), DIGEST_AT, local.tzinfo)
    while due <= local or (every == "weekly" and due.weekday() != 0):
        due = datetime.combine(due.date() + timedelta(days=1), DIGEST_AT, local.tzinfo)
    return due.astimezone(moment.tzinfo)


def _minutes_after(moment: datetime) -> Iterator[datetime]:
    minute = moment.replace(second=0, microsecond=0)
    while True:
        minute += MINUTE
        yield minute
