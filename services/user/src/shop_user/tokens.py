"""Access tokens: JWTs that every service checks by itself, signed with the key of the shop."""

import os
from pathlib import Path
from uuid import UUID

import structlog
from shop_chassis.problems import Problem
from shop_chassis.signing import NotAKey, Signer

log = structlog.get_logger(__name__)


class Issuer:
    """Signs with the key of a file, read again when it is replaced."""

    def __init__(self, key: Path | None, *, issuer: str, audience: str, seconds: int) -> None:
        """`key`: a private key in PEM; without it nobody can sign in."""
        self._file = key
        self._issuer = issuer
        self._audience = audience
        self.seconds = seconds
        self._seen: object = None
        self._signer: Signer | None = None

    def token(self, subject: str, scopes: list[str], session: UUID) -> str:
        """For one session. Raises Problem 503 without a key."""
        return self._current().token(
            subject,
            " ".join(scopes),
            seconds=self.seconds,
            issuer=self._issuer,
            audience=self._audience,
            sid=str(session),
        )

    @property
    def jwks(self) -> str:
        """The public key, as JSON. Raises Problem 503 without a key."""
        return self._current().jwks

    def ready(self) -> None:
        """Raises Problem 503 without a key: before anything is changed that would need it."""
        self._current()

    def _current(self) -> Signer:
        if self._file is None:
            raise _no_key()
        try:
            status = os.stat(self._file)
            seen = (status.st_ino, status.st_mtime_ns)
            if self._signer is None or seen != self._seen:
                self._signer, self._seen = Signer(self._file.read_text()), seen
        except (OSError, NotAKey) as error:
            log.error("key of tokens unusable", file=str(self._file), error=str(error))
            raise _no_key() from error
        return self._signer


def _no_key() -> Problem:
    return Problem(503, "tokens cannot be signed right now", headers={"Retry-After": "10"})
