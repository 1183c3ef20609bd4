"""Promotions: kept, and applied to the lines of an order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.catalog import events
from shop_contracts.catalog import promotions as api
from shop_contracts.money import Money
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.errors import Refused, Unknown
from shop_catalog.offers import Line, Offer, Promoted, promoted
from shop_catalog.tables import Category, Coupon, Product, Promotion
from shop_catalog.versioned import Matches, put

_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


@dataclass(frozen=True, slots=True)
class Priced:
    """The lines of an order after promotions."""

    lines: list[Line]
    currency: str
    after: Promoted


class Promotions:
    """Catalog's promotions."""

    def __init__(self, store: Store, outbox: Outbox, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self.now = now

    async def page(self, *, limit: int, after: str | None) -> api.PromotionPage:
        """All, newest id first. Raises Problem for a foreign cursor."""
        column: Any = Promotion.id
        query = select(Promotion).order_by(column.desc())
        if after is not None:
            query = query.where(column < key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        following = cursor(rows[limit - 1].id) if len(rows) > limit else None
        return api.PromotionPage(items=[_promotion(row) for row in rows[:limit]], next=following)

    async def get(self, id: UUID) -> api.Promotion:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Promotion, id)
        if row is None:
            raise Unknown(f"there is no promotion {id}")
        return _promotion(row)

    async def put(
        self, id: UUID, content: api.PromotionContent, matches: Matches
    ) -> tuple[api.Promotion, bool]:
        """The promotion and whether it is new; a change is told. Raises Refused, Conflict."""
        async with self._store.transaction() as session:
            await check_scope(session, content)
            row, made, changed = await put(session, Promotion, {"id": id}, columns_of(content), matches)
            promotion = _promotion(row)
            if changed:
                told = events.PromotionChanged(promotion=promotion)
                await self._outbox.add(session, events.PROMOTION_CHANGED, subject=str(id), data=told)
        return promotion, made

    async def current(self) -> api.PromotionList:
        """Those that are valid now, newest id first."""
        async with self._store.session() as session:
            rows = await self._valid(session)
        return api.PromotionList(items=[_promotion(row) for row in reversed(rows)])

    async def price(self, request: api.PriceRequest) -> api.Discounts:
        """What they take off these lines."""
        priced = await self.priced(request)
        return api.Discounts.model_validate(discounts(priced.after.off, priced.currency))

    async def priced(self, request: api.PriceRequest) -> Priced:
        """The lines with what catalog knows of them, after promotions."""
        currency = request.lines[0].unit_price.currency
        ids = [line.product_id for line in request.lines]
        in_category = select(Product.id, Product.category).where(Product.id.in_(ids))  # type: ignore[call-overload, attr-defined]
        tree = select(Category.slug, Category.parent)  # type: ignore[call-overload]
        async with self._store.session() as session:
            rows = await self._valid(session)
            categories = dict((await session.execute(in_category)).all())
            parents = dict((await session.execute(tree)).all())
        lines = [
            Line(
                line.product_id,
                _upwards(categories.get(line.product_id), parents),
                line.quantity,
                line.unit_price.amount,
            )
            for line in request.lines
        ]
        offers = (offer_of(str(row.id), _promotion(row)) for row in rows)
        usable = [offer for offer in offers if offer.in_currency(currency)]
        return Priced(lines, currency, promoted(lines, usable))

    async def _valid(self, session: AsyncSession) -> list[Promotion]:
        query = select(Promotion).where(valid_at(Promotion, self.now())).order_by(Promotion.id)  # type: ignore[arg-type]
        return list((await session.execute(query)).scalars())


def valid_at(kind: type[Promotion] | type[Coupon], moment: datetime) -> ColumnElement[bool]:
    """That it may be used at that moment."""
    begins: Any = kind.valid_from
    ends: Any = kind.valid_until
    active: Any = kind.active
    return and_(active, or_(begins.is_(None), begins <= moment), or_(ends.is_(None), ends > moment))


def offer_of(id: str, terms: api.Terms) -> Offer:
    """As far as it decides about prices."""
    return Offer(
        id, terms.rule, frozenset(terms.categories), frozenset(terms.products), exclusive=terms.exclusive
    )


def discounts(off: Mapping[UUID, int], currency: str) -> dict[str, Any]:
    """In the shape of the answers."""
    lines = [
        api.LineDiscount(product_id=id, discount=Money(amount=amount, currency=currency))
        for id, amount in sorted(off.items())
    ]
    return {"discounts": lines, "total": Money(amount=sum(off.values()), currency=currency)}


def columns_of(content: api.Terms) -> dict[str, Any]:
    """As they are stored: rule and lists as JSON."""
    json = content.model_dump(mode="json", include={"rule", "categories", "products", "minimum"})
    return content.model_dump() | json


async def check_scope(session: AsyncSession, terms: api.Terms) -> None:
    """Raises Refused for categories and products that catalog does not have."""
    there = select(Category.slug).where(Category.slug.in_(terms.categories))  # type: ignore[call-overload, attr-defined]
    if missing := set(terms.categories) - set((await session.execute(there)).scalars()):
        raise Refused(f"categories: there is no {', '.join(sorted(missing))}")
    known = select(Product.id).where(Product.id.in_(terms.products))  # type: ignore[call-overload, attr-defined]
    if unknown := set(terms.products) - set((await session.execute(known)).scalars()):
        raise Refused(f"products: there is no {', '.join(map(str, sorted(unknown)))}")


def _promotion(row: Promotion) -> api.Promotion:
    return api.Promotion.model_validate(row, from_attributes=True)


def _upwards(category: str | None, parents: Mapping[str, str | None]) -> frozenset[str]:
    found: set[str] = set()
    while category is not None and category not in found:
        found.add(category)
        category = parents.get(category)
    return frozenset(found)
