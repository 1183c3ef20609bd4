"""Requests that change something come from a page of ours: each carries a token that only such a page has.

The secret is a digest of the session's cookie, so it needs no store. A page shows it under another random
mask each time: else the size of a compressed page would tell it, guess by guess (BREACH, CVE-2013-3587).
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b
from hmac import compare_digest

FIELD = "csrf"
"""Hidden field of every form."""
HEADER = "X-CSRF-Token"
"""In its place, of requests made by scripts."""
_BYTES = 24


def token(session_id: str) -> str:
    """For a page of that session."""
    mask = secrets.token_bytes(_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, _secret(session_id))).decode()


def holds(sent: str, session_id: str) -> bool:
    """Whether it is a token of that session."""
    try:
        raw = urlsafe_b64decode(sent.encode())
    except (Error, ValueError):
        return False
    if len(raw) != 2 * _BYTES:
        return False
    return compare_digest(_xor(raw[:_BYTES], raw[_BYTES:]), _secret(session_id))


def _secret(session_id: str) -> bytes:
    return blake2b(session_id.encode(), digest_size=_BYTES, person=b"csrf").digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
