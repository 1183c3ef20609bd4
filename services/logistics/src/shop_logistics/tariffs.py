"""The table of carriers, rates and zones: what administrators keep, and what is offered for an address."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from shop_chassis.store import Store
from shop_contracts.logistics import api
from shop_contracts.money import Money
from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_logistics.rates import Offer, cheapest, normalised, working_days_after, zone_of
from shop_logistics.tables import Area, Carrier, Rate, Zone

Matches = Callable[[int], None]
"""Raises where a change is based on another version than this one."""


class Conflict(Exception):  # noqa: N818 - the name says what happened
    """What is to be kept does not fit what is there; the message says what to do."""


class Unknown(Exception):  # noqa: N818
    """There is no such thing."""


class Tariffs:
    """The table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def quotes(self, wanted: api.QuoteRequest, today: date) -> list[api.QuotedOption]:
        """How it can be sent, cheapest first; empty when nobody goes there, or carries that much."""
        weight = sum(line.quantity * line.weight_grams for line in wanted.lines)
        async with self._store.session() as session:
            _, offers = await offers_to(session, wanted.country, wanted.postal_code, wanted.currency)
        return [
            api.QuotedOption(
                id=offer.option,
                title=title_of(offer.option),
                carrier=offer.carrier,
                price=Money(amount=offer.price, currency=wanted.currency),
                earliest=working_days_after(today, offer.days_min),
                latest=working_days_after(today, offer.days_max),
            )
            for offer in cheapest(offers, weight)
        ]

    async def carriers(self) -> list[api.Carrier]:
        """All, by id."""
        async with self._store.session() as session:
            rows = (await session.execute(select(Carrier).order_by(col(Carrier.id)))).scalars().all()
            rates: dict[str, list[Rate]] = {row.id: [] for row in rows}
            for rate in (await session.execute(_rates())).scalars():
                rates.setdefault(rate.carrier, []).append(rate)
        return [_carrier(row, rates[row.id]) for row in rows]

    async def carrier(self, id: str) -> api.Carrier:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Carrier, id)
            if row is None:
                raise Unknown(f"there is no carrier {id}")
            return _carrier(row, (await session.execute(_rates(id))).scalars().all())

    async def put_carrier(self, id: str, new: api.NewCarrier, matches: Matches) -> tuple[api.Carrier, bool]:
        """Makes it so; whether it is new. What is so already is left alone, whatever version was named.

        Raises Conflict, and what `matches` raises for the version that would be replaced.
        """
        try:
            async with self._store.transaction() as session:
                row = await session.get(Carrier, id, with_for_update=True)
                created = row is None
                if row is None:
                    row = Carrier(id=id, version=0, **new.model_dump(exclude={"rates"}))
                    session.add(row)
                else:
                    before = _carrier(row, (await session.execute(_rates(id))).scalars().all())
                    if before == api.Carrier(id=id, version=row.version, **_with_sorted_rates(new)):
                        return before, False
                    matches(row.version)
                    row.sqlmodel_update(new.model_dump(exclude={"rates"}))
                row.version += 1
                await session.flush()
                await session.execute(delete(Rate).where(col(Rate.carrier) == id))
                rates = [_rate(id, rate) for rate in new.rates]
                session.add_all(rates)
                await session.flush()
                return _carrier(row, rates), created
        except IntegrityError as error:
            raise Conflict(
                f"carrier {id}: expected zones that exist, each band of a zone and option once, and a "
                "tracking_prefix that no other carrier has"
            ) from error

    async def zones(self) -> list[api.Zone]:
        """All, by id."""
        async with self._store.session() as session:
            rows = (await session.execute(select(Zone).order_by(col(Zone.id)))).scalars().all()
            areas: dict[str, list[Area]] = {row.id: [] for row in rows}
            for area in (await session.execute(_areas())).scalars():
                areas.setdefault(area.zone, []).append(area)
        return [_zone(row, areas[row.id]) for row in rows]

    async def zone(self, id: str) -> api.Zone:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Zone, id)
            if row is None:
                raise Unknown(f"there is no zone {id}")
            return _zone(row, (await session.execute(_areas(id))).scalars().all())

    async def put_zone(self, id: str, new: api.NewZone, matches: Matches) -> tuple[api.Zone, bool]:
        """As `put_carrier`. An area is in one zone: one that another has is to be taken from it first."""
        try:
            async with self._store.transaction() as session:
                row = await session.get(Zone, id, with_for_update=True)
                created = row is None
                areas = [Area(zone=id, **area.model_dump()) for area in new.areas]
                if row is None:
                    row = Zone(id=id, version=0)
                    session.add(row)
                else:
                    before = _zone(row, (await session.execute(_areas(id))).scalars().all())
                    if before == _zone(row, areas):
                        return before, False
                    matches(row.version)
                row.version += 1
                await session.flush()
                await session.execute(delete(Area).where(col(Area.zone) == id))
                session.add_all(areas)
                await session.flush()
                return _zone(row, areas), created
        except IntegrityError as error:
            raise Conflict(
                f"zone {id}: expected areas that are in no other zone, each of them once"
            ) from error


async def offers_to(
    session: AsyncSession, country: str, postal_code: str, currency: str
) -> tuple[str | None, list[Offer]]:
    """The zone of an address, and what active carriers offer there in that currency."""
    code = normalised(postal_code)
    beginnings = [code[:length] for length in range(len(code) + 1)]
    areas = select(Area).where(col(Area.country) == country, col(Area.postal_prefix).in_(beginnings))
    prefixes = {area.postal_prefix: area.zone for area in (await session.execute(areas)).scalars()}
    zone = zone_of(prefixes, postal_code)
    if zone is None:
        return None, []
    offered = (
        select(Rate)
        .join(Carrier, col(Rate.carrier) == col(Carrier.id))
        .where(col(Rate.zone) == zone, col(Rate.currency) == currency, col(Carrier.active))
    )
    return zone, [
        Offer(row.carrier, row.option, row.max_weight_grams, row.amount, row.days_min, row.days_max)
        for row in (await session.execute(offered)).scalars()
    ]


def title_of(option: str) -> str:
    """As shoppers read it: `same-day` is Same day."""
    return option.replace("-", " ").capitalize()


def _rates(carrier: str | None = None) -> Select[Rate]:
    query = select(Rate)
    return query if carrier is None else query.where(col(Rate.carrier) == carrier)


def _areas(zone: str | None = None) -> Select[Area]:
    query = select(Area)
    return query if zone is None else query.where(col(Area.zone) == zone)


def _rate(carrier: str, rate: api.Rate) -> Rate:
    rest = rate.model_dump(exclude={"price"})
    return Rate(carrier=carrier, amount=rate.price.amount, currency=rate.price.currency, **rest)


def _carrier(row: Carrier, rates: Iterable[Rate]) -> api.Carrier:
    kept = [
        api.Rate(
            zone=rate.zone,
            option=rate.option,
            max_weight_grams=rate.max_weight_grams,
            price=Money(amount=rate.amount, currency=rate.currency),
            days_min=rate.days_min,
            days_max=rate.days_max,
        )
        for rate in rates
    ]
    return api.Carrier(**row.model_dump(), rates=_sorted(kept))


def _with_sorted_rates(new: api.NewCarrier) -> dict[str, Any]:
    return dict(new) | {"rates": _sorted(new.rates)}


def _sorted(rates: Iterable[api.Rate]) -> list[api.Rate]:
    """Zone by zone: the order in which they came says nothing."""
    return sorted(
        rates, key=lambda rate: (rate.zone, rate.option, rate.price.currency, rate.max_weight_grams)
    )


def _zone(row: Zone, areas: Iterable[Area]) -> api.Zone:
    kept = [api.Area(country=area.country, postal_prefix=area.postal_prefix) for area in areas]
    ordered = sorted(kept, key=lambda area: (area.country, area.postal_prefix))
    return api.Zone(id=row.id, version=row.version, areas=ordered)
