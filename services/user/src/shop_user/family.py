"""The rule of refresh tokens: each is good for one use, a second use ends the session (RFC 9700, 4.14.2).

Pure: what is known of token and session goes in, what happens comes out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


class Presented(Enum):
    """What it means that somebody sends a refresh token."""

    NEWEST = "newest"
    """It is used up now, and the next one is handed out."""
    REUSED = "reused"
    """Two parties have it: the shopper and a thief, and nobody knows which one this is. The session ends."""
    TOO_LATE = "too late"
    """Expired, or its session has ended."""


@dataclass(frozen=True)
class State:
    """A token and its session, read under the session's lock."""

    used: bool
    token_expires: datetime
    session_ended: bool


@dataclass(frozen=True)
class Lifetimes:
    """Of sessions."""

    idle: timedelta
    """A refresh token is valid for so long."""
    longest: timedelta
    """Then one has to sign in again, however often it was refreshed."""

    def token_expires(self, now: datetime, session_expires: datetime) -> datetime:
        """Of a token handed out now."""
        return min(now + self.idle, session_expires)


def presented(state: State, now: datetime) -> Presented:
    """The rule."""
    if state.session_ended:
        return Presented.TOO_LATE
    if state.used:
        return Presented.REUSED
    return Presented.NEWEST if now < state.token_expires else Presented.TOO_LATE
