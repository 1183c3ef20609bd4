"""Prices that are watched: begun, changed, ended. `notices` tells when they fall."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.money import Money
from shop_contracts.wishlist import api
from sqlalchemy import delete, func, select
from sqlmodel import col

from shop_wishlist.domain import Terms
from shop_wishlist.errors import NotSold, OtherCurrency, TooMany
from shop_wishlist.lists import claim_owner
from shop_wishlist.products import known, wished, with_product
from shop_wishlist.tables import Watch

_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class Watches:
    """What all people watch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, subject: str, *, limit: int, after: str | None) -> api.WatchPage:
        """Newest first. Raises Problem for a foreign cursor."""
        query = with_product(Watch).where(col(Watch.subject) == subject)
        if after is not None:
            query = query.where(col(Watch.id) < key_of(after, _by_id)[0])
        query = query.order_by(col(Watch.id).desc()).limit(limit + 1)
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        following = cursor(rows[limit - 1][0].id) if len(rows) > limit else None
        return api.WatchPage(items=[watch_of(*row) for row in rows[:limit]], next=following)

    async def put(self, subject: str, product_id: UUID, terms: api.WatchTerms) -> tuple[api.Watch, bool]:
        """The watch, and whether it is new. Other terms begin it anew, at the present price.

        Raises UnknownProduct, NotSold, OtherCurrency, TooMany.
        """
        async with self._store.transaction() as session:
            await claim_owner(session, subject)
            # From here on its price stays: a drop is heard either before, or of this watch too.
            product, available = await known(session, product_id, lock=True)
            if terms.below is not None and terms.below.currency != product.currency:
                raise OtherCurrency(f"below: expected {product.currency}, found {terms.below.currency}")
            below = None if terms.below is None else terms.below.amount
            mine = select(Watch).where(col(Watch.subject) == subject)
            found = await session.execute(mine.where(col(Watch.product_id) == product_id).with_for_update())
            watch = found.scalar_one_or_none()
            made = watch is None
            if watch is not None and (watch.below, watch.percent) == (below, terms.percent):
                return watch_of(watch, product, available), False
            if watch is None:
                if not product.sold:
                    raise NotSold(product_id)
                count = select(func.count()).select_from(Watch).where(col(Watch.subject) == subject)
                if (await session.execute(count)).scalar_one() >= api.MAX_WATCHES:
                    raise TooMany(f"expected at most {api.MAX_WATCHES} watched prices: end one first")
            rule = Terms(below, terms.percent)
            begun: dict[str, Any] = {
                "below": rule.below,
                "percent": rule.percent,
                "currency": product.currency,
                "reference": product.amount,
                "highest": rule.limit(product.amount),
                "ceiling": rule.first_ceiling(product.amount),
                "told": None,
                "since": utc_now(),
            }
            if watch is None:
                watch = Watch(subject=subject, product_id=product_id, **begun)
                session.add(watch)
            else:
                watch.sqlmodel_update(begun)
        return watch_of(watch, product, available), made

    async def remove(self, subject: str, product_id: UUID) -> None:
        """One that is not there is no error."""
        async with self._store.transaction() as session:
            await session.execute(
                delete(Watch).where(col(Watch.subject) == subject, col(Watch.product_id) == product_id)
            )


def watch_of(watch: Watch, product: Any, available: int | None) -> api.Watch:
    """The row as the watcher sees it."""

    def money(amount: int) -> Money:
        return Money(amount=amount, currency=watch.currency)

    return api.Watch(
        product=wished(product, available),
        below=None if watch.below is None else money(watch.below),
        percent=watch.percent,
        reference=money(watch.reference),
        limit=money(watch.highest),
        told=None if watch.told is None else money(watch.told),
        since=watch.since,
    )
