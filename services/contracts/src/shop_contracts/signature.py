"""How webhooks are signed: HMAC-SHA256 over `timestamp.body`; both sides use this."""

import hashlib
import hmac
import re

_HEADER = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


class BadSignature(ValueError):  # noqa: N818 - named for what it says
    """The body is not from who has the secret, or too old; the message says which."""


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header's value for a body that is sent at that time (Unix seconds)."""
    return f"t={timestamp},v1={_digest(secret, str(timestamp), body)}"


def verify(secret: str, header: str, body: bytes, *, now: float, tolerance: float) -> None:
    """Raises BadSignature unless the body was signed with this secret, at most `tolerance` seconds away."""
    parts = _HEADER.fullmatch(header)
    if parts is None:
        raise BadSignature("expected t=<seconds>,v1=<hex> in the signature's header")
    timestamp, digest = parts.groups()
    if not hmac.compare_digest(digest, _digest(secret, timestamp, body)):
        raise BadSignature("the signature is not of this body with the secret that is known here")
    if abs(now - int(timestamp)) > tolerance:
        raise BadSignature(f"signed {now - int(timestamp):.0f} s ago, at most {tolerance:.0f} s are accepted")


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
