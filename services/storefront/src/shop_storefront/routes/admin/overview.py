"""The first page of the admin area: what needs somebody, and what came last."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fastapi import Response
from shop_chassis.problems import Problem
from shop_contracts.notification.api import MessagePage
from shop_contracts.order_processing.api import OrderPage, SagaPage
from shop_contracts.payment.api import PaymentPage
from shop_contracts.recommendation.api import ModelState
from shop_contracts.search.api import IndexState
from shop_contracts.warehouse.api import StockPage

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.parts import FAILURES, Part
from shop_storefront.routes.admin.desk import desk_of, may
from shop_storefront.routes.admin.letters import consumers_of
from shop_storefront.visit import Visit, VisitDep

router = pages()

T = TypeVar("T")

MOST = 100
"""Of what is counted; more are "100 and more"."""
_WITHIN = 1.5
_LAST = 8


@dataclass(frozen=True)
class Tile:
    """A number that says whether somebody is needed."""

    title: str
    path: str
    count: int | None
    """None: the service does not answer."""
    more: bool = False
    """There are more than were counted."""


@router.get("/admin")
async def read_overview(visit: VisitDep) -> Response:
    """Of each service that the visitor administers; one that does not answer says so and stops nothing."""
    await visit.user()
    if not visit.session.admin:
        raise Problem(403, "the admin area is for administrators")
    counted, (orders, index, model) = await gather(
        gather(*(_counted(visit, *each) for each in _questions(visit) if may(visit.session, each[0]))),
        gather(
            _asked(visit, "order-processing", "last orders", _last_orders),
            _asked(visit, "search", "index", _index),
            _asked(visit, "recommendation", "model", _model),
        ),
    )
    return await visit.page(
        "pages/admin/overview.html",
        tiles=[*counted, await _letters(visit)],
        may_orders=may(visit.session, "order-processing"),
        orders=orders.value.items if orders.value else None,
        index=index.value,
        model=model.value,
    )


class Counted(Protocol):
    """A part of a list."""

    @property
    def items(self) -> Sequence[object]:
        """What there is."""

    @property
    def next(self) -> object:
        """None: there is no more."""


Question = Callable[[Desk], Awaitable[Counted]]


def _questions(visit: Visit) -> list[tuple[str, str, str, Question]]:
    """Service, title, where to look, and what is counted."""
    _ = visit.say

    def sagas(desk: Desk) -> Awaitable[SagaPage]:
        return desk.call("GET", "/admin/sagas", params={"stuck": "true", "limit": MOST}, into=SagaPage)

    def unpaid(desk: Desk) -> Awaitable[PaymentPage]:
        params = {"state": "pending", "limit": MOST}
        return desk.call("GET", "/admin/payments", params=params, into=PaymentPage)

    def low(desk: Desk) -> Awaitable[StockPage]:
        return desk.call("GET", "/admin/stock", params={"low": "true", "limit": MOST}, into=StockPage)

    def short(desk: Desk) -> Awaitable[StockPage]:
        return desk.call("GET", "/admin/stock", params={"short": "true", "limit": MOST}, into=StockPage)

    def unknown(desk: Desk) -> Awaitable[MessagePage]:
        params = {"state": "unknown", "limit": MOST}
        return desk.call("GET", "/admin/messages", params=params, into=MessagePage)

    return [
        ("order-processing", _("Stuck sagas"), "/admin/sagas?stuck=1", sagas),
        ("payment", _("Payments without an answer"), "/admin/payments?state=pending", unpaid),
        ("warehouse", _("Promised, not there"), "/admin/stock?short=true", short),
        ("warehouse", _("Below their reorder point"), "/admin/stock?low=true", low),
        ("notification", _("Mails of unknown fate"), "/admin/campaigns#unknown", unknown),
    ]


async def _counted(visit: Visit, service: str, title: str, path: str, question: Question) -> Tile:
    return _tile(title, path, await _asked(visit, service, f"admin {service}", question))


async def _letters(visit: Visit) -> Tile:
    title, path = visit.say("Dead letters"), "/admin/letters"
    try:
        consumers = await consumers_of(visit)
    except (*FAILURES, Problem):  # no keys to check the token with, or nobody to ask
        return Tile(title, path, None)
    counted = visit.site.letters.page(consumers, limit=MOST)
    return _tile(title, path, await visit.site.parts.ask("letters", counted, within=_WITHIN))


def _tile(title: str, path: str, part: Part[Counted]) -> Tile:
    if part.value is None:
        return Tile(title, path, None)
    return Tile(title, path, len(part.value.items), more=part.value.next is not None)


async def _asked(visit: Visit, service: str, name: str, question: Callable[[Desk], Awaitable[T]]) -> Part[T]:
    if not may(visit.session, service):
        return Part()
    return await visit.site.parts.ask(name, question(await desk_of(visit, service)), within=_WITHIN)


def _last_orders(desk: Desk) -> Awaitable[OrderPage]:
    return desk.call("GET", "/admin/orders", params={"limit": _LAST}, into=OrderPage)


def _index(desk: Desk) -> Awaitable[IndexState]:
    return desk.call("GET", "/admin/index", into=IndexState)


def _model(desk: Desk) -> Awaitable[ModelState]:
    return desk.call("GET", "/admin/model", into=ModelState)
