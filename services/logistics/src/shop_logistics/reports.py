"""Carriers' webhooks: that a report comes from the carrier, and is not an old one sent again.

The header is `Carrier-Signature: t=<Unix seconds>,v1=<hex>`, where v1 is the HMAC-SHA256 of `<t>.<body>` with
the secret that carrier and shop share.
"""

import hmac
from hashlib import sha256
from pathlib import Path

TOLERANCE = 300
"""Seconds that the time in a signature may be off; a report that is sent again is signed anew."""


class BadSignature(Exception):  # noqa: N818 - the name says it
    """The report proves nothing; the message says why and holds nothing of the secret."""


def sign(body: bytes, secret: bytes, now: int) -> str:
    """The header's value."""
    return f"t={now},v1={_mac(body, secret, str(now))}"


def check(header: str, body: bytes, secret: bytes, now: float) -> None:
    """Raises BadSignature."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    time, mac = parts.get("t", ""), parts.get("v1", "")
    if not (time.isascii() and time.isdigit() and len(time) < 16):
        raise BadSignature("expected t=<Unix seconds>,v1=<hex>")
    if not hmac.compare_digest(_mac(body, secret, time).encode(), mac.encode()):
        raise BadSignature("the signature is not that of this body")
    if abs(now - int(time)) > TOLERANCE:
        raise BadSignature(f"signed more than {TOLERANCE} s from now: sign it again")


def _mac(body: bytes, secret: bytes, time: str) -> str:
    return hmac.new(secret, f"{time}.".encode() + body, sha256).hexdigest()


class Secrets:
    """A folder with a file for each carrier; they may change while the service runs."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, carrier: str) -> bytes | None:
        """None: there is none, so nothing can be checked. `carrier` must be a slug: it becomes a path."""
        if self._folder is None:
            return None
        try:
            return (self._folder / carrier).read_bytes().strip() or None
        except FileNotFoundError:
            return None
