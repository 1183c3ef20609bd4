"""Secrets that are handed out once and kept as digests (they are random, so a plain SHA-256 is enough)."""

import secrets
from hashlib import sha256


def new_secret() -> str:
    """256 random bits, to be handed out."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """To be stored, and looked up by."""
    return sha256(secret.encode()).hexdigest()
