"""Dead letters: what services gave up, and why; replayed when the reason is gone.

This is the one thing of the admin area that the storefront decides itself, so it checks the token as any
service does: its signature, its time, and that its session has not ended.
"""

from typing import Annotated

import structlog
from fastapi import Depends, Path, Response
from shop_chassis.auth import Verifier, verified
from shop_chassis.events import DeadLetter
from shop_chassis.problems import Problem

from shop_storefront.near.letters import readable
from shop_storefront.pages import pages
from shop_storefront.visit import SignInNeeded, Visit, VisitDep

log = structlog.get_logger(__name__)

router = pages()

_RIGHT = ":admin"


async def consumers_of(visit: Visit) -> frozenset[str]:
    """Services that the visitor administers. Raises SignInNeeded; Problem 403 for none, 503 without keys."""
    await visit.user()
    verifier = visit.request.app.state.runtime.get(Verifier)
    try:
        principal = await verified(verifier, await visit.token())
    except Problem as problem:
        if problem.status == 401:
            raise SignInNeeded from problem
        raise
    services = frozenset(each.removesuffix(_RIGHT) for each in principal.scopes if each.endswith(_RIGHT))
    if not services:
        raise Problem(403, "this page is for administrators of a service")
    return services


async def _consumers(visit: VisitDep) -> frozenset[str]:
    return await consumers_of(visit)


Consumers = Annotated[frozenset[str], Depends(_consumers)]
Number = Annotated[int, Path(ge=1, lt=2**53)]


@router.get("/admin/letters")
async def list_letters(visit: VisitDep, consumers: Consumers) -> Response:
    """Oldest first, of all services that the visitor administers or of one of them."""
    query = visit.request.query_params
    after, consumer = query.get("after", ""), query.get("consumer", "")
    chosen = consumers & {consumer} if consumer else consumers
    number = int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else 0
    page = await visit.site.letters.page(chosen, after=number)
    return await visit.page(
        "pages/admin/letters/list.html",
        page=page,
        consumer=consumer,
        consumers=sorted(consumers),
        after=number,
    )


@router.post("/admin/letters/replay")
async def replay_all(visit: VisitDep, consumers: Consumers) -> Response:
    """All that were ticked."""
    _ = visit.say
    numbers = [int(each) for each in visit.form.all("number") if each.isascii() and each.isdecimal()]
    replayed = 0
    for number in numbers:
        letter = await visit.site.letters.find(number, consumers)
        if letter is not None:  # otherwise somebody else was quicker
            await _replay(visit, letter)
            replayed += 1
    if replayed:
        await visit.notice(_("Delivered again: %(number)d.") % {"number": replayed})
    else:
        await visit.notice(_("Nothing was ticked."), "warning")
    return visit.to("/admin/letters", consumer=visit.form.get("consumer") or None)


@router.get("/admin/letters/{number}")
async def read_letter(visit: VisitDep, consumers: Consumers, number: Number) -> Response:
    """One with its event, but for what is secret in it."""
    letter = await _find(visit, consumers, number)
    return await visit.page("pages/admin/letters/letter.html", letter=letter, event=readable(letter.body))


@router.post("/admin/letters/{number}/replay")
async def replay(visit: VisitDep, consumers: Consumers, number: Number) -> Response:
    """Publishes the event where it came from, and drops the letter. Who has handled it knows it, and does not
    again.
    """
    await _replay(visit, await _find(visit, consumers, number))
    await visit.notice(visit.say("It is delivered again. If it fails once more, it comes back here."))
    return visit.to("/admin/letters")


async def _replay(visit: Visit, letter: DeadLetter) -> None:
    await visit.site.letters.replay(letter)
    log.info(
        "a dead letter is delivered again",
        number=letter.number,
        topic=letter.topic,
        consumer=letter.consumer,
        by=visit.session.subject,
    )


async def _find(visit: Visit, consumers: frozenset[str], number: int) -> DeadLetter:
    letter = await visit.site.letters.find(number, consumers)
    if letter is None:
        raise Problem(404, f"there is no dead letter {number} (any more)")
    return letter
