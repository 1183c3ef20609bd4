"""What one reconcile has found and done so far, and the calls it makes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from shop_operator.cluster.client import ApiError
from shop_operator.engine.cache import Ref
from shop_operator.engine.volumes import CLAIM
from shop_operator.status.conditions import Condition

Manifest = dict[str, Any]
T = TypeVar("T")

# No answer, no login, too many requests: nothing is wrong with the child, and the others would fare the same.
AWAY = (0, 401, 429)
# The object changed meanwhile: the others can go on, and this one gets another look.
RACED = 409
FORBIDDEN = 403


@dataclass
class Pass:
    """What one reconcile found and did."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    repaired: dict[tuple[str, str], str] = field(default_factory=dict)
    protection: Condition | None = None
    # Children that had been there, and were made again.
    restored: list[Ref] = field(default_factory=list)
    retry: bool = False
    # What was not done because the service is suspended.
    suspended: tuple[str, ...] | None = None
    raced: ApiError | None = None
    # Objects that have no label of ours (so the watches do not show them) but the name of a child.
    strangers: dict[Ref, Manifest] = field(default_factory=dict)
    # Objects of somebody else that are in the way of a child.
    conflicts: dict[Ref, Manifest] = field(default_factory=dict)
    # Children that could not be looked for, so that they must not be applied.
    unseen: set[Ref] = field(default_factory=set)

    def refused(self, ref: Ref, error: ApiError) -> None:
        """Note what the API server did not do, to be reported and tried again."""
        if error.status == RACED:
            self.raced = error
            return
        self.retry = True
        # The API server itself knows which storage classes can grow.
        grows = ref.kind == CLAIM and error.status == FORBIDDEN and "resize" in error.message
        self.problems.append(("VolumeCannotGrow" if grows else "ChildRefused", f"{ref}: {error.message}"))


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T | ApiError]:
    """The answers to calls that are made at the same time, refusals among them.

    Raises ApiError, after all have ended, where the server itself is what is missing.
    """
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not (
            isinstance(answer, ApiError) and answer.status not in AWAY
        ):
            raise answer
    return cast("list[T | ApiError]", answers)
