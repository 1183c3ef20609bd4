"""Lists: made, renamed, removed, and which of them is the default.

Whoever changes a list, or what is on it, locks its row first; whoever makes one, or moves the default, locks
the owner's before that.
"""

from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.etags import check_match
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.wishlist import api
from shop_contracts.wishlist.events import WISHLIST_CHANGED, WishlistChanged
from sqlalchemy import Select, Table, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_wishlist.errors import TooMany, Unknown
from shop_wishlist.tables import Item, Link, Owner, Wishlist, keys, metadata, outbox

Which = UUID | Literal["default"]
"""A list: its id, or the default of whoever asks."""
FIRST_TITLE = "Wishlist"
"""Of the list that is made when somebody wishes for something and has none."""

_owners: Table = metadata.tables["owner"]
_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class Lists:
    """The lists of all people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, subject: str, *, limit: int, after: str | None) -> api.WishlistPage:
        """Oldest first. Raises Problem for a foreign cursor."""
        query = shown().where(col(Wishlist.subject) == subject).order_by(col(Wishlist.id)).limit(limit + 1)
        if after is not None:
            query = query.where(col(Wishlist.id) > key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        following = cursor(rows[limit - 1][0].id) if len(rows) > limit else None
        return api.WishlistPage(items=[list_of(*row) for row in rows[:limit]], next=following)

    async def create(self, subject: str, content: api.WishlistContent, key: str | None) -> api.Wishlist:
        """The first one is the default. The same key makes one list. Raises TooMany, Problem."""
        mine = {"key": key or "", "subject": subject, "route": "POST /wishlists"}
        async with self._store.transaction() as session:
            if key is not None and (answer := await keys.begin(session, **mine, body=content)) is not None:
                return api.Wishlist.model_validate(answer.body)
            await claim_owner(session, subject)
            row = await make(session, subject, content.title, default=content.default)
            made = list_of(row)
            if key is not None:
                await keys.finish(session, **mine, status=201, body=made)
        return made

    async def change(
        self, subject: str, which: Which, content: api.WishlistContent, if_match: str | None
    ) -> api.Wishlist:
        """Raises Unknown, Problem 412."""
        async with self._store.transaction() as session:
            if content.default:
                await claim_owner(session, subject)
            row = await locked(session, subject, which)
            if if_match is not None:
                check_match(if_match, row.version)
            becomes_default = content.default and not row.is_default
            changed = await _no_default(session, subject) if becomes_default else []
            if becomes_default or row.title != content.title:
                row.title, row.is_default = content.title, row.is_default or content.default
                changed.append(row)
            await touch(session, *changed)
            return list_of(*(await session.execute(shown().where(col(Wishlist.id) == row.id))).one())

    async def remove(self, subject: str, which: Which, if_match: str | None) -> None:
        """With all that is on it, and its links; after the default the oldest is it. Raises as `change`."""
        async with self._store.transaction() as session:
            await claim_owner(session, subject)
            row = await locked(session, subject, which)
            if if_match is not None:
                check_match(if_match, row.version)
            await session.execute(delete(Wishlist).where(col(Wishlist.id) == row.id))
            session.expunge(row)
            changed = [row]
            if row.is_default:
                oldest = select(Wishlist).where(col(Wishlist.subject) == subject).order_by(col(Wishlist.id))
                heir = (await session.execute(oldest.limit(1).with_for_update())).scalar_one_or_none()
                if heir is not None:
                    heir.is_default = True
                    changed.append(heir)
            await touch(session, *changed)


def shown() -> Select[Any]:
    """Lists as `list_of` takes them."""
    items = select(func.count()).where(col(Item.list_id) == col(Wishlist.id)).correlate(Wishlist)
    links = exists().where(col(Link.list_id) == col(Wishlist.id)).correlate(Wishlist)
    return select(Wishlist, items.scalar_subquery(), links)


def list_of(row: Wishlist, items: int = 0, shared: bool = False) -> api.Wishlist:
    """The row as its owner sees it."""
    return api.Wishlist(
        id=row.id,
        title=row.title,
        default=row.is_default,
        shared=shared,
        item_count=items,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def of(subject: str, which: Which) -> Any:
    """Condition: the list that somebody means, if it is theirs."""
    mine = col(Wishlist.subject) == subject
    return mine & (col(Wishlist.is_default) if which == api.DEFAULT_LIST else col(Wishlist.id) == which)


def no_list(which: Which) -> Unknown:
    """What is raised for a list that is not there, or is somebody else's."""
    return Unknown("there is no list yet" if which == api.DEFAULT_LIST else f"there is no list {which}")


async def locked(session: AsyncSession, subject: str, which: Which) -> Wishlist:
    """The list, which nobody else changes until the transaction ends. Raises Unknown."""
    query = select(Wishlist).where(of(subject, which)).with_for_update()
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise no_list(which)
    return row


async def locked_or_made(session: AsyncSession, subject: str, which: Which) -> Wishlist:
    """As `locked`; the default is made where there is none."""
    try:
        return await locked(session, subject, which)
    except Unknown:
        if which != api.DEFAULT_LIST:
            raise
    await claim_owner(session, subject)
    try:
        return await locked(session, subject, which)
    except Unknown:
        return await make(session, subject, FIRST_TITLE, default=True)


async def claim_owner(session: AsyncSession, subject: str) -> None:
    """Until the transaction ends nobody else makes lists or watches for this person."""
    await session.execute(insert(session, _owners).values(subject=subject).on_conflict_do_nothing())
    await session.execute(select(Owner).where(col(Owner.subject) == subject).with_for_update())


async def make(session: AsyncSession, subject: str, title: str, *, default: bool) -> Wishlist:
    """A new list of a person whose row is locked. Raises TooMany."""
    mine = select(func.count()).select_from(Wishlist).where(col(Wishlist.subject) == subject)
    count = (await session.execute(mine)).scalar_one()
    if count >= api.MAX_LISTS:
        raise TooMany(f"expected at most {api.MAX_LISTS} lists: remove one first")
    before = await _no_default(session, subject) if default else []
    row = Wishlist(subject=subject, title=title, is_default=default or not count)
    session.add(row)
    await session.flush()
    await touch(session, *before)
    await _tell(session, row)
    return row


async def touch(session: AsyncSession, *rows: Wishlist) -> None:
    """Another version of these lists, told."""
    # In the order of their ids, so that two transactions with the same lists do not wait for each other.
    for row in sorted(rows, key=lambda row: str(row.id)):
        row.version += 1
        row.updated_at = utc_now()
        await _tell(session, row)


async def _no_default(session: AsyncSession, subject: str) -> list[Wishlist]:
    """The list that is the default no longer, if there was one."""
    query = select(Wishlist).where(of(subject, "default")).with_for_update()
    rows = list((await session.execute(query)).scalars())
    for row in rows:
        row.is_default = False
    await session.flush()  # before another becomes it: there is one at any time
    return rows


async def _tell(session: AsyncSession, row: Wishlist) -> None:
    data = WishlistChanged(list_id=row.id, subject=row.subject)
    await outbox.add(session, WISHLIST_CHANGED, subject=str(row.id), data=data)
