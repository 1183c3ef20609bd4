"""Address book and payment methods: each belongs to an account, and is found by account and id together."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from shop_chassis.events.dialect import insert
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.address import Address
from shop_contracts.user import api
from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user.accounts import locked
from shop_user.tables import ADDRESS, PAYMENT_METHOD

DEFAULTS = ("default_shipping", "default_billing")


class Book:
    """What accounts keep for their next order. Changes lock the account, so limits and defaults hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def addresses(self, account: UUID) -> api.AddressBook:
        """Oldest first."""
        query = (
            select(ADDRESS)
            .where(ADDRESS.c.account_id == account)
            .order_by(ADDRESS.c.created_at, ADDRESS.c.id)
        )
        async with self._store.session() as session:
            return api.AddressBook(items=[_address(row) for row in await session.execute(query)])

    async def address(self, account: UUID, id: UUID) -> api.SavedAddress:
        """Raises Problem 404."""
        async with self._store.session() as session:
            row = (await session.execute(select(ADDRESS).where(_this(account, id)))).first()
        if row is None:
            raise _no_address(id)
        return _address(row)

    async def add_address(self, account: UUID, new: api.NewAddress) -> tuple[api.SavedAddress, bool]:
        """The entry and whether it is new: the same request again finds what it made. Raises Problem 409."""
        entry = api.AddressEntry(**new.model_dump(exclude={"id"}))
        async with self._store.transaction() as session:
            await locked(session, account)
            if new.id is not None:
                there = (await session.execute(select(ADDRESS).where(_this(account, new.id)))).first()
                if (
                    there is not None
                    and _address(there).model_dump(exclude={"id", "version"}) == entry.model_dump()
                ):
                    return _address(there), False
                if there is not None:
                    raise Problem(
                        409, f"there is another address with the id {new.id}", type="different-request"
                    )
            await _room(session, ADDRESS, account, api.MAX_ADDRESSES)
            await _only_default(session, account, entry)
            made = (
                ADDRESS.insert()
                .values(
                    account_id=account,
                    id=new.id or new_id(),
                    **entry.model_dump(mode="json"),
                    created_at=utc_now(),
                    version=1,
                )
                .returning(*ADDRESS.c)
            )
            return _address((await session.execute(made)).one()), True

    async def change_address(
        self, account: UUID, id: UUID, entry: api.AddressEntry, matches: Callable[[int], None]
    ) -> api.SavedAddress:
        """Raises Problem 404, and what `matches` raises."""
        async with self._store.transaction() as session:
            await locked(session, account)
            row = (await session.execute(select(ADDRESS).where(_this(account, id)))).first()
            if row is None:
                raise _no_address(id)
            matches(row.version)
            await _only_default(session, account, entry)
            changed = (
                update(ADDRESS)
                .where(_this(account, id))
                .values(**entry.model_dump(mode="json"), version=row.version + 1)
                .returning(*ADDRESS.c)
            )
            return _address((await session.execute(changed)).one())

    async def remove_address(self, account: UUID, id: UUID) -> None:
        """Raises Problem 404."""
        async with self._store.transaction() as session:
            removed = delete(ADDRESS).where(_this(account, id)).returning(ADDRESS.c.id)
            if (await session.execute(removed)).first() is None:
                raise _no_address(id)

    async def payment_methods(self, account: UUID) -> api.PaymentMethods:
        """Oldest first."""
        query = (
            select(PAYMENT_METHOD).where(PAYMENT_METHOD.c.account_id == account).order_by(PAYMENT_METHOD.c.id)
        )
        async with self._store.session() as session:
            return api.PaymentMethods(items=[_method(row) for row in await session.execute(query)])

    async def add_payment_method(
        self, account: UUID, new: api.NewPaymentMethod
    ) -> tuple[api.PaymentMethod, bool]:
        """The method and whether it is new: a gateway's token is kept once. Raises Problem 409."""
        same = and_(
            PAYMENT_METHOD.c.account_id == account,
            PAYMENT_METHOD.c.gateway == new.gateway,
            PAYMENT_METHOD.c.token == new.token,
        )
        async with self._store.transaction() as session:
            await locked(session, account)
            there = (await session.execute(select(PAYMENT_METHOD).where(same))).first()
            if there is not None:
                return _method(there), False
            await _room(session, PAYMENT_METHOD, account, api.MAX_PAYMENT_METHODS)
            made = (
                insert(session, PAYMENT_METHOD)
                .values(id=new_id(), account_id=account, **new.model_dump(), created_at=utc_now())
                .returning(*PAYMENT_METHOD.c)
            )
            return _method((await session.execute(made)).one()), True

    async def remove_payment_method(self, account: UUID, id: UUID) -> None:
        """Raises Problem 404."""
        which = and_(PAYMENT_METHOD.c.account_id == account, PAYMENT_METHOD.c.id == id)
        async with self._store.transaction() as session:
            removed = delete(PAYMENT_METHOD).where(which).returning(PAYMENT_METHOD.c.id)
            if (await session.execute(removed)).first() is None:
                raise Problem(404, f"there is no payment method {id}")


def _this(account: UUID, id: UUID) -> Any:
    return and_(ADDRESS.c.account_id == account, ADDRESS.c.id == id)


def _no_address(id: UUID) -> Problem:
    return Problem(404, f"there is no address {id}")


async def _room(session: AsyncSession, table: Any, account: UUID, most: int) -> None:
    count = select(func.count()).select_from(table).where(table.c.account_id == account)
    if (await session.execute(count)).scalar_one() >= most:
        raise Problem(409, f"there are {most} already; remove one first", type="too-many")


async def _only_default(session: AsyncSession, account: UUID, entry: api.AddressEntry) -> None:
    """What becomes the default replaces the one of before."""
    for name in DEFAULTS:
        if getattr(entry, name):
            column = ADDRESS.c[name]
            await session.execute(
                update(ADDRESS)
                .where(ADDRESS.c.account_id == account, column)
                .values({name: False, "version": ADDRESS.c.version + 1})
            )


def _address(row: Any) -> api.SavedAddress:
    return api.SavedAddress(
        id=row.id,
        address=Address.model_validate(row.address),
        label=row.label,
        default_shipping=row.default_shipping,
        default_billing=row.default_billing,
        version=row.version,
    )


def _method(row: Any) -> api.PaymentMethod:
    return api.PaymentMethod(
        id=row.id,
        gateway=row.gateway,
        token=row.token,
        brand=row.brand,
        last4=row.last4,
        expires=row.expires,
    )
