"""Builds that are wrong on purpose: a service served by this module lacks part of the chassis.

    MUTANT=keys MUTATED=shop_payment python -m shop_faults.mutated serve

Nothing in the chassis or a service knows of it. README.md says how each is found out.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal
from uuid import uuid4

import httpx
from shop_chassis.command import main
from shop_chassis.edge import Edge
from shop_chassis.events.inbox import Claim, Inbox

Mutant = Literal["keys", "inbox"]
HEADER = "Idempotency-Key"


def environment(mutant: Mutant, package: str) -> dict[str, str]:
    """By which a process of this module is told what to serve."""
    return {"MUTANT": mutant, "MUTATED": package}


def without_keys() -> None:
    """No request is known again: each has another key than before, as it comes in and as it goes out."""
    served, sent = Edge.__call__, httpx.AsyncClient.send

    async def call(self: Edge, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            name = HEADER.lower().encode()
            headers = [(key, _new() if key == name else value) for key, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await served(self, scope, receive, send)

    async def send(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if HEADER in request.headers:
            request.headers[HEADER] = _new().decode()
        return await sent(self, request, **options)

    Edge.__call__ = call  # type: ignore[method-assign]
    httpx.AsyncClient.send = send  # type: ignore[method-assign]


def without_inbox() -> None:
    """No event is known again, and none is old: each has its effect whenever it is delivered."""

    async def claim(_self: Inbox, *_event: Any, **_options: Any) -> Claim:
        return Claim.NEW

    Inbox.claim = claim  # type: ignore[assignment, method-assign]


MUTANTS: dict[Mutant, Callable[[], None]] = {"keys": without_keys, "inbox": without_inbox}


def _new() -> bytes:
    return str(uuid4()).encode()


if __name__ == "__main__":
    mutant: Any = os.environ["MUTANT"]
    MUTANTS[mutant]()
    sys.exit(main(import_module(f"{os.environ['MUTATED']}.service").service))
