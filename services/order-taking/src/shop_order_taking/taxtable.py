"""The tax table, as administrators keep it."""

from collections.abc import Callable, Iterable

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_contracts.order_taking import api
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from shop_order_taking.tables import TaxCountry, TaxRate
from shop_order_taking.tax import TaxRules

Matches = Callable[[int], None]
"""Raises where a change is based on another version than this one."""
_by_country: TypeAdapter[tuple[str]] = TypeAdapter(tuple[str])


class Unknown(Exception):  # noqa: N818 - the name says what happened
    """There is no such country in the table."""


class Overtaken(Exception):  # noqa: N818
    """Somebody else put it there at the same moment."""


class TaxTable:
    """Countries and their rates."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def rules(self, country: str) -> TaxRules | None:
        """None: nothing is sold there."""
        try:
            found = await self.get(country)
        except Unknown:
            return None
        rates = {(rate.region, rate.category): rate.basis_points for rate in found.rates}
        return TaxRules(found.prices_include_tax, found.by_region, rates)

    async def get(self, country: str) -> api.TaxedCountry:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(TaxCountry, country)
            if row is None:
                raise Unknown(f"there is no tax of {country} in the table")
            rates = select(TaxRate).where(col(TaxRate.country) == country)
            return _shown(row, (await session.execute(rates)).scalars().all())

    async def page(self, *, limit: int, after: str | None) -> api.TaxTable:
        """By country. Raises Problem for a foreign cursor."""
        query = select(TaxCountry).order_by(col(TaxCountry.country))
        if after is not None:
            query = query.where(col(TaxCountry.country) > key_of(after, _by_country)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
            shown = rows[:limit]
            rates = select(TaxRate).where(col(TaxRate.country).in_([row.country for row in shown]))
            found = (await session.execute(rates)).scalars().all()
        items = [_shown(row, [rate for rate in found if rate.country == row.country]) for row in shown]
        return api.TaxTable(items=items, next=cursor(shown[-1].country) if len(rows) > limit else None)

    async def put(self, country: str, new: api.CountryTax, matches: Matches) -> tuple[api.TaxedCountry, bool]:
        """Makes it so; whether it is new. What is so already is left alone, whatever version was named.

        Raises Overtaken, and what `matches` raises for the version that would be replaced.
        """
        rates = [TaxRate(country=country, **rate.model_dump()) for rate in new.rates]
        terms = new.model_dump(exclude={"rates"})
        try:
            async with self._store.transaction() as session:
                row = await session.get(TaxCountry, country, with_for_update=True)
                created = row is None
                if row is None:
                    row = TaxCountry(country=country, version=0, **terms)
                    session.add(row)
                else:
                    query = select(TaxRate).where(col(TaxRate.country) == country)
                    before = _shown(row, (await session.execute(query)).scalars().all())
                    wanted = _shown(TaxCountry(country=country, version=row.version, **terms), rates)
                    if before == wanted:
                        return before, False
                    matches(row.version)
                    row.sqlmodel_update(terms)
                row.version += 1
                await session.flush()
                await session.execute(delete(TaxRate).where(col(TaxRate.country) == country))
                session.add_all(rates)
                await session.flush()
                return _shown(row, rates), created
        except IntegrityError as error:
            raise Overtaken(
                f"{country} was put there at the same moment: read it and decide again"
            ) from error

    async def remove(self, country: str, matches: Matches) -> None:
        """Nothing is sold there any more; nothing happens where nothing was. Raises what `matches` raises."""
        async with self._store.transaction() as session:
            row = await session.get(TaxCountry, country, with_for_update=True)
            if row is not None:
                matches(row.version)
                await session.execute(delete(TaxRate).where(col(TaxRate.country) == country))
                await session.delete(row)


def _shown(row: TaxCountry, rates: Iterable[TaxRate]) -> api.TaxedCountry:
    shown = [
        api.TaxRate(region=rate.region, category=rate.category, basis_points=rate.basis_points)
        for rate in rates
    ]
    ordered = sorted(shown, key=lambda rate: (rate.region, rate.category))
    return api.TaxedCountry(**row.model_dump(), rates=ordered)
