"""Who calls: a JWT signed by a key of a JWKS, with scopes.

Handlers say `user: Annotated[Principal, require("catalog:admin")]`; `require_any("shop", "guest")` where one
of them is enough; `optional_user()` for a token or none.
RFC 6750 says how tokens are sent and refused, RFC 8725 how they are checked.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import structlog
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from shop_chassis.problems import Problem

log = structlog.get_logger(__name__)

ALGORITHMS = ("ES256", "EdDSA", "RS256")
"""RS256 is what most clusters sign with. A key is used with the algorithm that it was published for, whatever
a token says."""
LEEWAY = 5
"""Seconds that clocks may differ."""
KEYS_AGE = 300.0
"""Seconds after which the keys are read again."""
KEYS_PAUSE = 10.0
"""Seconds between two readings: tokens of unknown keys must not make a flood of them."""
REMEMBERED = 2048
"""Tokens whose signature need not be checked again."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a valid token speaks for."""

    subject: str
    scopes: frozenset[str]
    expires: float
    """Unix time."""
    issued: float = 0.0
    """Unix time; 0 when the token does not say."""
    session: str | None = None
    """The sign-in that the token is of (claim `sid`)."""


class InvalidToken(Exception):  # noqa: N818 - named for what it says
    """The token proves nothing; the message says why and holds nothing of it."""


class KeysUnavailable(Exception):  # noqa: N818 - named for what it says
    """No keys to check tokens with."""


class Verifier:
    """Checks tokens; remembers keys and, until they expire, tokens."""

    def __init__(
        self,
        source: str | None,
        issuer: str,
        audience: str,
        *,
        clock: Callable[[], float] = time.time,
        revoked: Callable[[Principal], bool] = lambda _: False,
    ) -> None:
        """`source`: file or URL of the JWKS; None refuses all work with KeysUnavailable.

        `revoked` is asked each time, also for a token whose signature is remembered.
        """
        self._source = source or "AUTH_JWKS, which is not set"
        self._read = _reader(source)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._revoked = revoked
        self._keys: dict[str, jwt.PyJWK] = {}
        self._published: object = None
        self._read_at = -KEYS_AGE
        self._tried_at = -KEYS_PAUSE
        self._known: dict[str, Principal] = {}
        self._reading = asyncio.Lock()

    async def verify(self, token: str) -> Principal:
        """Raises InvalidToken, KeysUnavailable."""
        now = self._clock()
        if now - self._read_at > KEYS_AGE:
            await self._refresh()
        principal = self._known.get(token)
        if principal is None or now >= principal.expires + LEEWAY:
            principal = self._check(token, await self._key(token))
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[token] = principal
        if self._revoked(principal):
            raise InvalidToken("its session has ended")
        return principal

    def _check(self, token: str, key: jwt.PyJWK) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from error
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise InvalidToken("the claim scope is no string")
        session = claims.get("sid")
        return Principal(
            subject=claims["sub"],
            scopes=frozenset(scope.split()),
            expires=float(claims["exp"]),
            issued=float(claims.get("iat", 0)),
            session=None if session is None else str(session),
        )

    async def _key(self, token: str) -> jwt.PyJWK:
        try:
            name = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from error
        if name not in self._keys:
            await self._refresh()
        if not self._keys:
            raise KeysUnavailable(f"no keys to check tokens with: expected a JWKS at {self._source}")
        if name not in self._keys:
            raise InvalidToken("signed by a key that is not known here")
        return self._keys[name]

    async def _refresh(self) -> None:
        """Reads the keys again, at most once in KEYS_PAUSE; keeps the old ones when that fails."""
        async with self._reading:
            now = self._clock()
            if now - self._tried_at < KEYS_PAUSE:
                return
            self._tried_at = now
            try:
                published = await self._read()
                keys = {str(key.key_id): key for key in jwt.PyJWKSet.from_dict(published).keys}
            # Whatever is wrong with file, server or content: the keys of before are better than none.
            except Exception as error:
                log.warning("keys of tokens unreadable", error=f"{type(error).__name__}: {error}")
                return
            self._read_at = now
            if published != self._published:
                self._keys, self._published = keys, published
                self._known.clear()


def _reader(source: str | None) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def nothing() -> dict[str, Any]:
        raise KeysUnavailable("AUTH_JWKS is not set")

    async def file() -> dict[str, Any]:
        return _object(Path(str(source).removeprefix("file://")).read_text())  # noqa: ASYNC240 - small, rare

    async def url() -> dict[str, Any]:
        import httpx  # only services that need it pay for the import

        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            return _object((await client.get(str(source))).raise_for_status().text)

    if not source:
        return nothing
    return url if source.startswith(("http://", "https://")) else file


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object with `keys`")
    return value


# Security schemes of FastAPI that check as well: with a scheme of its own as their dependency each request
# would solve two.


@dataclass(frozen=True)
class UserRequired(SecurityBase):
    """The dependency that `require` and `require_any` make. Without scopes every valid token will do."""

    scopes: frozenset[str]
    one_is_enough: bool = False

    model = HTTPBearer(bearerFormat="JWT", description="Scopes are in the claim `scope`.")
    scheme_name = "HTTPBearer"

    async def __call__(self, request: Request) -> Principal:
        """FastAPI calls it for each request. Raises Problem 401, 403, 503."""
        principal = await verified(request.app.state.runtime.get(Verifier), bearer(request))
        missing = self.scopes - principal.scopes
        if missing and not (self.one_is_enough and missing < self.scopes):
            lacks = "has none of the scopes" if self.one_is_enough else "lacks the scope"
            challenge = f'error="insufficient_scope", scope="{" ".join(sorted(self.scopes))}"'
            raise refusal(403, f"the token {lacks} {' '.join(sorted(missing))}", challenge)
        return principal


@dataclass(frozen=True)
class UserOptional(SecurityBase):
    """The dependency that `optional_user` makes."""

    model = UserRequired.model
    scheme_name = UserRequired.scheme_name

    async def __call__(self, request: Request) -> Principal | None:
        """FastAPI calls it for each request. Raises Problem 401, 503."""
        token = bearer(request)
        return None if token is None else await verified(request.app.state.runtime.get(Verifier), token)


def require(*scopes: str) -> Any:
    """A dependency: the Principal of a valid token that has all of these scopes; 401 or 403 otherwise."""
    return Depends(UserRequired(frozenset(scopes)))


def require_any(*scopes: str) -> Any:
    """A dependency: the Principal of a valid token that has one of these scopes; 401 or 403 otherwise."""
    return Depends(UserRequired(frozenset(scopes), one_is_enough=True))


def optional_user() -> Any:
    """A dependency: the Principal, or None without a token; a token that is sent must be valid."""
    return Depends(UserOptional())


def bearer(request: Request) -> str | None:
    """The token that came with a request; None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def verified(verifier: Verifier, token: str | None) -> Principal:
    """Whom the token of a request speaks for. Raises Problem 401 and, without keys, 503."""
    if token is None:
        raise refusal(401, "expected a token in Authorization: Bearer", "")
    try:
        return await verifier.verify(token)
    except InvalidToken as error:
        raise refusal(401, f"the token is not valid: {error}", 'error="invalid_token"') from error
    except KeysUnavailable as error:
        raise Problem(503, "tokens cannot be checked right now", headers={"Retry-After": "10"}) from error


def refusal(status: int, detail: str, challenge: str) -> Problem:
    """401 or 403 as RFC 6750, section 3, has them."""
    return Problem(status, detail, headers={"WWW-Authenticate": f"Bearer {challenge}".strip()})
