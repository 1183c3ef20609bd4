"""Why something cannot be done, and what callers are told of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from shop_chassis.problems import Problem


class Refused(Exception):  # noqa: N818 - the name says what happened
    """The change is not possible as things are; the message says why and what would be."""


class Unknown(Exception):  # noqa: N818
    """There is no such thing."""


class Conflict(Refused):
    """Something else has that name already, or it is another thing than the one asked for."""


class MediaUnavailable(Exception):  # noqa: N818
    """Where pictures are kept cannot be asked right now; the message is for callers."""


@contextmanager
def explained() -> Iterator[None]:
    """Turns them into answers."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except Refused as error:
        raise Problem(409, str(error)) from error
    except MediaUnavailable as error:
        raise Problem(503, str(error), type="media-unavailable", headers={"Retry-After": "5"}) from error
