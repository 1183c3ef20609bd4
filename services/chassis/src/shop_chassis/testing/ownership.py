"""Whose things are whose: every route that names one, tried by somebody else with a token of their own.

    async def test_what_is_anns_is_nobody_elses(shop: Shop) -> None:
        await sweep_ownership(http, shop.token("ann"), shop.token("ben"), {"orders": order_id})

The routes are those of the OpenAPI document. A new one that names another kind of thing fails the test until
it is given one to try.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx

from shop_chassis.testing.trespass import Attempt, attempts

Headers = Mapping[str, str]
NOT_THERE = 404
CLOSED = {401, 403, NOT_THERE, 405, 410, 422}
"""What shows nothing when the owner is answered so: nobody reaches the thing in this way."""
_VERBS = ("GET", "PUT", "PATCH", "POST", "DELETE")
_NONE: Mapping[str, Any] = MappingProxyType({})


async def sweep_ownership(
    http: httpx.AsyncClient,
    owner: Headers,
    other: Headers,
    things: Mapping[str, str],
    *,
    owner_says: Mapping[str, str] = _NONE,
    otherwise: Mapping[str, int] = _NONE,
    passing: Collection[str] = (),
) -> None:
    """Each route with a parameter and a user's token, tried by `other` with an id of one of `owner`'s: it is
    404, and `owner` reads afterwards what was there before. Then `owner` does it: it was there to be done.

    `things` has ids of the owner's, by what stands before the parameter: `orders` for `/orders/{order_id}`;
    `owner_says` has by what else the owner names them. `otherwise` has, by route, what is answered where the
    route names everybody's own, or nobody's. `passing` are members of answers that change by themselves.

    Raises AssertionError that names each route and answer, LookupError for a route that names what `things`
    does not have.
    """
    document = (await http.get("/openapi.json")).raise_for_status().json()
    tries = [each for each in attempts(document, things) if _names_something(each)]
    mine = {**things, **owner_says}
    own = list(attempts(document, mine))
    reads = [each for each in own if each.method == "GET" and _leads_to_any(each, tries)]
    named = {kind: id for kind, id in things.items() if any(f"/{kind}/{{" in each.route for each in tries)}
    assert tries, "no route names anything: there is nothing to try"
    faults = [f"{each}: no route that names something" for each in otherwise.keys() - set(map(str, tries))]

    for each in reads:
        shown = "" if "{" in each.route else (await _asked(http, other, each)).text
        faults += [f"{each} shows one of {kind} to another" for kind, id in named.items() if id in shown]
    before = [_lasting(await _asked(http, owner, each), passing) for each in reads]
    faults += [
        f"the owner reads nowhere that one of {kind} is there, so nobody can see it unchanged"
        for kind in named
        if mine[kind] not in str([body for status, body in before if status == 200])
    ]

    for each in tries:
        answer, expected = await _asked(http, other, each), otherwise.get(str(each), NOT_THERE)
        if answer.status_code != expected:
            faults.append(f"{each}, by another: expected {expected}, answered {_told(answer)}")
    for each, was in zip(reads, before, strict=True):
        now = _lasting(await _asked(http, owner, each), passing)
        if now != was:
            faults.append(f"{each}, changed by another: expected {was}, found {now}")

    for each in sorted(filter(_names_something, own), key=_least_harmful):
        answer = await _asked(http, owner, each)
        if answer.status_code in CLOSED and str(each) not in otherwise:
            faults.append(f"{each}, by the owner: expected that it can be done, answered {_told(answer)}")
    assert not faults, f"{len(faults)} faults in what is whose\n" + "\n".join(faults)


def _names_something(attempt: Attempt) -> bool:
    return "{" in attempt.route and not attempt.open


def _leads_to_any(read: Attempt, tries: Iterable[Attempt]) -> bool:
    """Whether it is about one of these, or about that which it is a part of."""
    return any(f"{each.route.partition(':')[0]}/".startswith(f"{read.route}/") for each in tries)


def _least_harmful(attempt: Attempt) -> tuple[int, int]:
    """What is a part of something goes before the whole."""
    return _VERBS.index(attempt.method), -len(attempt.route)


async def _asked(http: httpx.AsyncClient, who: Headers, attempt: Attempt) -> httpx.Response:
    headers = {**who, "If-Match": "*", "Idempotency-Key": uuid4().hex}
    return await http.request(attempt.method, attempt.path, json=attempt.body, headers=headers)


def _lasting(answer: httpx.Response, passing: Collection[str]) -> tuple[int, Any]:
    """Status and body, of a JSON object without what passes."""
    is_json = answer.headers.get("Content-Type", "").endswith("json")
    body = answer.json() if is_json else answer.text
    if isinstance(body, dict):
        body = {name: each for name, each in body.items() if name not in passing}
    return answer.status_code, body


def _told(answer: httpx.Response) -> str:
    return " ".join(f"{answer.status_code} {answer.text[:200]}".split())
