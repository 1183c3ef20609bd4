"""Versions of things as entity tags (RFC 9110, section 8.8.3 and 13.1)."""

from typing import Annotated

from fastapi import Header

from shop_chassis.problems import Problem

IfMatch = Annotated[str | None, Header(description="ETag that the change is based on", examples=['"3"'])]
IfNoneMatch = Annotated[str | None, Header(description="ETag that the caller has", examples=['"3"'])]


def etag(version: int | str) -> str:
    """Strong: a version is one state."""
    return f'"{version}"'


def unchanged(if_none_match: str | None, version: int | str) -> bool:
    """Whether the caller has this version already: answer 304."""
    return if_none_match is not None and _names(if_none_match, version, weak=True)


def check_match(if_match: str | None, version: int) -> None:
    """Raises Problem 428 without an If-Match, 412 when it names another version."""
    if if_match is None:
        raise Problem(428, "expected If-Match with the ETag of the version that is to be changed")
    if not _names(if_match, version, weak=False):
        raise Problem(
            412, f"changed meanwhile: the present version is {etag(version)}; read it and decide again"
        )


def _names(header: str, version: int | str, *, weak: bool) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    if weak:
        tags = [tag.removeprefix("W/") for tag in tags]
    return "*" in tags or etag(version) in tags
