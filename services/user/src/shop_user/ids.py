"""Ids in the claims of tokens."""

from uuid import UUID


def uuid_or_none(claim: str | None) -> UUID | None:
    """The id that a claim names; None where it names none, as the `sub` of a guest."""
    try:
        return UUID(claim or "")
    except ValueError:
        return None
