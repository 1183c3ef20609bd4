"""Why something is not done; the routes make problems of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from shop_chassis.problems import Problem
from shop_contracts.warehouse import api


class Unknown(Exception):  # noqa: N818 - the name says what happened
    """There is no such thing."""


class Refused(Exception):  # noqa: N818
    """Not possible as things are; the message says why and what would be."""

    def __init__(self, type: str, detail: str, **members: Any) -> None:
        """`type` is a constant of the contract; `members` are added to the problem."""
        super().__init__(detail)
        self.type = type
        self.members = members


def too_little(type: str, shortages: Iterable[api.Shortage]) -> Refused:
    """The refusal that names what there is too little of."""
    listed = list(shortages)
    named = ", ".join(f"{each.product_id} (wanted {each.wanted}, found {each.available})" for each in listed)
    members = [each.model_dump(mode="json") for each in listed]
    return Refused(type, f"too little there: {named}; nothing was taken", shortages=members)


@contextmanager
def explained() -> Iterator[None]:
    """Raises Problem for what is raised here."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except Refused as error:
        raise Problem(409, str(error), type=error.type, **error.members) from error
