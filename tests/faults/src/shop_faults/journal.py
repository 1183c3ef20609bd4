"""What was asked and what was acknowledged: a file that only grows, a JSON object in each line.

An answer is written down before anybody acts on it, so whatever a shopper believes is in the file. Tokens and
cards are not: of services that deal in them the bodies are left out.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

BODIES_OF = frozenset({"cart", "catalog", "order-taking", "order-processing", "warehouse"})
"""Services whose bodies hold neither credentials nor cards."""


class Line(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True)

    at: float
    """Unix seconds."""
    what: Literal["asked", "answered", "unanswered", "faults ended"]
    number: int = 0
    """Of the request: the same in the line of its answer."""
    who: str = ""
    service: str = ""
    method: str = ""
    path: str = ""
    key: str | None = None
    """Its Idempotency-Key."""
    status: int | None = None
    body: Any = None
    """What was sent, or what was answered."""
    note: str = ""
    """Why there is no answer."""


class Journal:
    """Writes the file; one process at a time."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.time) -> None:
        """The file is made if it is not there, and never truncated."""
        self.file = file
        self._clock = clock
        self._numbers = count(1)
        self._out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def asked(
        self, who: str, service: str, method: str, path: str, *, key: str | None = None, body: Any = None
    ) -> Line:
        """A request is about to be sent."""
        line = Line(
            at=self._clock(),
            what="asked",
            number=next(self._numbers),
            who=who,
            service=service,
            method=method,
            path=path,
            key=key,
            body=body if service in BODIES_OF else None,
        )
        self._write(line)
        return line

    def answered(self, asked: Line, status: int, body: Any) -> None:
        """Its answer has come."""
        kept = body if asked.service in BODIES_OF else None
        told = {"at": self._clock(), "what": "answered", "status": status, "body": kept}
        self._write(asked.model_copy(update=told))

    def unanswered(self, asked: Line, why: str) -> None:
        """No answer will come; whether it was done is not known."""
        told = {"at": self._clock(), "what": "unanswered", "body": None, "note": why}
        self._write(asked.model_copy(update=told))

    def faults_ended(self) -> None:
        """Everything runs again; from now on the shop has its time to bring things to an end."""
        self._write(Line(at=self._clock(), what="faults ended"))

    def close(self) -> None:
        """No more lines."""
        os.close(self._out)

    def _write(self, line: Line) -> None:
        text = json.dumps(line.model_dump(exclude_defaults=True), separators=(",", ":"))
        os.write(self._out, text.encode() + b"\n")


def read(file: Path) -> Iterator[Line]:
    """All lines, in the order in which they were written."""
    with file.open("rb") as lines:
        for line in lines:
            yield Line.model_validate_json(line)
