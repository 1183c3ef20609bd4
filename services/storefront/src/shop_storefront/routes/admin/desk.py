"""Who may enter the admin area, and what its pages have in common.

Each page needs the right of the neighbour that it is about (`catalog:admin`). The session says who is shown
what; what may be done the neighbour decides, by the token.
"""

from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Response
from shop_chassis.client import CallRefused, NotAllowed, NotFound
from shop_chassis.problems import Problem

from shop_storefront.forms import sentence
from shop_storefront.near.admin import Desk
from shop_storefront.sessions import Session
from shop_storefront.visit import Visit, VisitDep

T = TypeVar("T")

PAGE = 30
"""Lines of a list."""


def may(session: Session, service: str) -> bool:
    """Whether it is the session of somebody who administers that service."""
    return f"{service}:admin" in session.scope.split()


async def desk_of(visit: Visit, service: str) -> Desk:
    """The visitor's, at that service. Raises SignInNeeded; Problem 403 for who does not administer it."""
    headers = await visit.user()
    if not may(visit.session, service):
        raise Problem(403, f"this page needs the right {service}:admin")
    return Desk(visit.site.near.by_name()[service], headers)


def desk(service: str) -> Any:
    """As a parameter of a page's handler: `catalog: Annotated[Desk, desk("catalog")]`."""

    async def of_the_visitor(visit: VisitDep) -> Desk:
        return await desk_of(visit, service)

    return Depends(of_the_visitor)


async def done(visit: Visit, work: Awaitable[object], said: str, back: str) -> Response:
    """Does it, and says so on the page that it leads back to; or why the service refused it.

    Raises CallError where the service did not answer, or does not take the token.
    """
    try:
        await work
    except NotAllowed:
        raise
    except CallRefused as error:
        detail = error.problem.get("detail") or visit.say("That is not possible.")
        await visit.notice(sentence(str(detail)), "error")
    else:
        await visit.notice(said)
    return visit.to(back)


async def saved(
    visit: Visit,
    work: Awaitable[T],
    *,
    otherwise: str,
    at: str = "",
    overtaken: tuple[str, str] | None = None,
) -> T | None:
    """What the service made of the visit's form; None: the form says why not, at the field `at`.

    `otherwise` is for a service that gives no reason; `overtaken` a field and what is wrong with it where
    somebody was quicker, else the form says that saving again replaces what they did. Raises CallError where
    no form helps.
    """
    _, form = visit.say, visit.form
    try:
        return await work
    except (NotAllowed, NotFound):
        raise
    except CallRefused as error:
        if error.status not in (412, 428):
            form.refused(at, error, otherwise)
        elif overtaken:
            form.wrong(*overtaken)
        else:
            form.wrong(
                "",
                _(
                    "Somebody has changed it meanwhile. Below is what you entered; "
                    "saving again replaces what they did."
                ),
            )
    return None


def address(path: str, **given: object) -> str:
    """With a query of what is given; empty values are left out."""
    query = urlencode({name: value for name, value in given.items() if value not in (None, "", False)})
    return f"{path}?{query}" if query else path


async def names(visit: Visit, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Titles of products, for lists of ids; without those that are not known or not sold any more."""
    wanted = list(dict.fromkeys(ids))
    part = await visit.site.parts.ask("titles", visit.site.catalog.products(wanted)) if wanted else None
    return {each.id: each.title for each in part.value or ()} if part else {}
