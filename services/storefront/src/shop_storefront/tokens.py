"""The tokens of a session: shoppers never see them, and services see nothing else of the session.

A refresh token is good for one use, and a second use ends the session (the user service takes it for theft).
So of all requests of a session one refreshes, in whatever replica, and the others wait for what it got.
"""

import asyncio
import time
from weakref import WeakValueDictionary

import structlog
from shop_chassis.client import DeadlineExceeded, NotAllowed, ServiceClient
from shop_contracts.user.api import Refresh, Tokens

from shop_storefront.sessions import Session, Sessions

log = structlog.get_logger(__name__)

EARLY = 30.0
"""Seconds before its end at which an access token is renewed."""
_CLAIM = 10.0
"""Seconds after which a replica that vanished while it refreshed is in nobody's way."""
_REFRESH = 5.0
"""Seconds for the answer: an answer that is lost may have used up the token."""
_LOOK_AGAIN = 0.05


class Renewal:
    """Keeps the access tokens of sessions valid."""

    def __init__(self, user: ServiceClient, sessions: Sessions) -> None:
        self._user = user
        self._sessions = sessions
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def renewed(self, id: str, session: Session) -> Session:
        """The session with an access token that holds, or without tokens where they are worth nothing any
        more. Raises CalleeUnavailable, CacheUnavailable.
        """
        if _holds(session):
            return session
        async with self._locks.setdefault(id, asyncio.Lock()):
            until = time.monotonic() + _CLAIM
            while True:
                newest = await self._sessions.load(id) or session.signed_out()
                if _holds(newest):
                    return newest
                if await self._sessions.claim(id, "refresh", _CLAIM):
                    break
                if time.monotonic() > until:
                    raise DeadlineExceeded("user", "/refresh", "another replica is still at it")
                await asyncio.sleep(_LOOK_AGAIN)
            try:
                return await self._refresh(id)
            finally:
                await self._sessions.release(id, "refresh")

    async def _refresh(self, id: str) -> Session:
        newest = await self._sessions.load(id) or Session()
        if _holds(newest):  # another replica was quicker, right before the claim
            return newest
        body = Refresh(refresh_token=newest.refresh_token)
        try:
            tokens = await self._user.call("POST", "/refresh", body=body, into=Tokens, timeout=_REFRESH)
        except NotAllowed:
            log.info("a session has ended", subject=newest.subject)
            return await self._sessions.change(id, Session.signed_out)
        return await self._sessions.change(id, lambda session: with_tokens(session, tokens))

    async def guest(self) -> Tokens:
        """For somebody without an account. Raises CalleeUnavailable."""
        return await self._user.call("POST", "/guests", into=Tokens)


def with_tokens(session: Session, tokens: Tokens) -> Session:
    """The session as it is with these."""
    return session.model_copy(
        update={
            "subject": tokens.subject,
            "scope": tokens.scope,
            "access_token": tokens.access_token,
            "access_until": time.time() + tokens.expires_in,
            "refresh_token": tokens.refresh_token,
        }
    )


def _holds(session: Session) -> bool:
    return not session.refresh_token or session.access_until - time.time() > EARLY
