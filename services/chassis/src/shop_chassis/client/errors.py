"""What can go wrong with a call, as types.

`CalleeUnavailable`: no answer now, a fallback may help. `CallRefused`: the answer is no, nothing will help.
"""

# ruff: noqa: N818 - the names say what happened

from collections.abc import Mapping
from typing import Any


class CallError(Exception):
    """A call to another service gave no usable answer. Names callee, route, and what the caller can do."""

    def __init__(self, callee: str, route: str, what: str, advice: str) -> None:
        super().__init__(f"{callee} {route}: {what}; {advice}")
        self.callee = callee
        self.route = route
        self.what = what
        self.advice = advice


class CalleeUnavailable(CallError):
    """The callee did not answer the question, now. The same call may work later."""

    def __init__(
        self, callee: str, route: str, what: str, advice: str = "try later", retry_after: float | None = None
    ) -> None:
        super().__init__(callee, route, what, advice)
        self.retry_after = retry_after
        """Seconds after which trying again makes sense, where that is known."""


class Unreachable(CalleeUnavailable):
    """No connection, or it broke before the answer was complete."""


class DeadlineExceeded(CalleeUnavailable):
    """No answer in the time that the call had; or it had none left and was not sent."""


class CircuitOpen(CalleeUnavailable):
    """Not sent: the callee's recent calls failed."""


class BulkheadFull(CalleeUnavailable):
    """Not sent: as many calls to this callee as are allowed wait already."""


class NotIdentified(CalleeUnavailable):
    """Not sent: this service has no token by which the callee would know it."""


class ServerError(CalleeUnavailable):
    """The callee answered 5xx, 429, or 409 with Retry-After: the same request is in work."""

    def __init__(
        self, callee: str, route: str, status: int, problem: Mapping[str, Any], retry_after: float | None
    ) -> None:
        super().__init__(callee, route, _said(status, problem), "try later", retry_after)
        self.status = status
        self.problem = problem


class BadAnswer(CalleeUnavailable):
    """A success whose body is not what the contract says: caller and callee have drifted apart."""


class CallRefused(CallError):
    """The callee understood and said no (3xx or 4xx). The same call will fail again."""

    def __init__(self, callee: str, route: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(
            callee, route, _said(status, problem), "change the request; repeating it will not help"
        )
        self.status = status
        self.problem = problem
        """The members of its problem+json (RFC 9457); empty when it sent none."""


class NotFound(CallRefused):
    """404 or 410: what was asked for is not there."""


class Conflict(CallRefused):
    """409, 412 or 428: read the present state and decide again."""


class NotAllowed(CallRefused):
    """401 or 403: the token is missing, not valid, or lacks a scope."""


_REFUSALS: dict[int, type[CallRefused]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    428: Conflict,
}


def refusal(callee: str, route: str, status: int, problem: Mapping[str, Any]) -> CallRefused:
    """The exception for a 3xx or 4xx answer."""
    return _REFUSALS.get(status, CallRefused)(callee, route, status, problem)


def _said(status: int, problem: Mapping[str, Any]) -> str:
    words = problem.get("detail") or problem.get("title")
    return f"answered {status}" + (f" ({words})" if words else "")
