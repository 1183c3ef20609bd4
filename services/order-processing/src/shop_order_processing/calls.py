"""What a step asks of a neighbour, as a value, and what its answer means.

`done`, `refused` and `pending` are answers. Everything else (none at all, an error of the neighbour's, one
that is not what the contract says) is `unknown`: it may have happened, so it is asked again and never taken
for a refusal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError
from shop_chassis.client import CallError, CallRefused

from shop_order_processing.case import Case


@dataclass(frozen=True)
class Outcome:
    """What is known after a try."""

    kind: Literal["done", "refused", "pending", "unknown"]
    reason: str | None = None
    fact: BaseModel | None = None
    """What the neighbour said, for the case to learn."""


Read = Callable[[Case, UUID, Any], "Outcome | Call"]


def done(_case: Case, _about: UUID, fact: BaseModel) -> Outcome:
    """The answer itself says that it has happened."""
    return Outcome("done", fact=fact)


def refused_by_type(_case: Case, _about: UUID, error: CallRefused) -> Outcome:
    """A 409 or 422 that names its type is final. Anything else is a defect on one side, not an answer.

    Of an `illegal-state` the reason is the state.
    """
    type = str(error.problem.get("type", "about:blank"))
    if error.status in (409, 422) and type != "about:blank":
        return Outcome("refused", str(error.problem.get("state", type)))
    return Outcome("unknown", f"{error.callee}: {error.what}")


@dataclass(frozen=True)
class Call:
    """One HTTP request. The route has `order_id`; and `return_id` or `refund_id`, what the saga is about."""

    callee: str
    method: Literal["GET", "PUT", "POST", "DELETE"]
    route: str
    answer: type[BaseModel]
    body: Callable[[Case, UUID], BaseModel] | None = None
    read: Read = done
    refused: Read = refused_by_type


class Client(Protocol):
    """What is used of the chassis' `ServiceClient`."""

    async def call(self, method: str, route: str, *, into: Any, **request: Any) -> Any:
        """The answer, checked against the contract. Raises CallError."""


async def perform(
    call: Call,
    case: Case,
    about: UUID,
    *,
    key: str,
    clients: Mapping[str, Client],
) -> Outcome:
    """Asks until there is an outcome. `key` is the Idempotency-Key of all that is asked for this step."""
    ids = {"order_id": case.id, "return_id": about, "refund_id": about}
    answer: Outcome | Call = call
    while isinstance(answer, Call):
        asked = answer
        try:
            body = asked.body(case, about) if asked.body else None
        except ValidationError as error:
            return Outcome("unknown", f"{asked.callee} cannot be asked: {error.errors()[0]['msg']}")
        try:
            said = await clients[asked.callee].call(
                asked.method,
                asked.route,
                into=asked.answer,
                path=ids,
                body=body,
                idempotency_key=None if asked.method == "GET" else key,
            )
        except CallRefused as error:
            answer = asked.refused(case, about, error)
        except CallError as error:
            return Outcome("unknown", str(error))
        else:
            answer = asked.read(case, about, said)
    return answer
