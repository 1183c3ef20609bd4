"""Card numbers (primary account numbers, ISO/IEC 7812): found, so that no service ever stores or logs one.

Only a payment gateway takes them. A router whose callers could send one by mistake has

    router = APIRouter(dependencies=[no_card_numbers()])
"""

import json
import re
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

from fastapi import Depends, Request

from shop_chassis.problems import Problem

_UUID = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-z])", re.IGNORECASE
)
"""With dashes or without, alone or behind a prefix: `ch_0192…`."""
_DIGITS = re.compile(r"[0-9]{3,}(?:[ -][0-9]{3,})*")
"""Groups of digits, as people write them: `4242 4242 4242 4242`."""
_SHORTEST, _LONGEST = 13, 19
_FIRST = frozenset("23456")
"""Of payment cards; a moment in milliseconds begins with 1."""


def contains_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in a row, apart from single spaces or dashes, can be a card's number.

    UUIDs are not looked at: one in some thousands would look like a card, and what it names could not be
    asked for.
    """
    return any(_among(run.group()) for run in _DIGITS.finditer(_UUID.sub("x", text)))


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def no_card_numbers() -> Any:
    """A dependency: refuses a request with a card number in body or address, 422 `card-number`.

    Nothing of it gets into the answer, or into a log.
    """

    async def dependency(request: Request) -> None:
        body = (await request.body()).decode("utf-8", "replace")
        address = unquote_plus(f"{request.url.path}?{request.url.query}")
        if contains_card_number(_unescaped(body)) or contains_card_number(address):
            detail = "expected a payment method's token, found what looks like a card number; it was not kept"
            raise Problem(422, detail, type="card-number")

    return Depends(dependency)


def _among(run: str) -> bool:
    """Whether neighbouring groups of a run, written together, are a card's number."""
    groups = re.split("[ -]", run)
    for first in range(len(groups)):
        digits = ""
        for group in islice(groups, first, first + _LONGEST // 3):
            digits += group
            if len(digits) > _LONGEST:
                break
            if _is_one(digits):
                return True
    return False


def _is_one(digits: str) -> bool:
    return _SHORTEST <= len(digits) <= _LONGEST and digits[0] in _FIRST and passes_luhn(digits)


def _unescaped(body: str) -> str:
    """JSON may spell digits as `\\u0034`."""
    if "\\u" not in body:
        return body
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body
