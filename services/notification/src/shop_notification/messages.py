"""Occasions as rows: written down with the event that gave them, decided afterwards, once each."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from shop_chassis.events.dialect import insert
from shop_chassis.tables import new_id, utc_now
from shop_contracts.notification.api import Channel
from shop_contracts.notification.events import SENT, Sent
from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.deciding import MARKETING, Occasion, Planned
from shop_notification.occasions import digest_key
from shop_notification.suppressions import key as address_key
from shop_notification.tables import DELIVERY, INBOX_ENTRY, MESSAGE, OUTBOX
from shop_notification.templates import Words

DAY = timedelta(days=1)


async def note(session: AsyncSession, occasion: Occasion) -> bool:
    """Writes it down, to be decided soon; False where that was done before.

    What it overtakes and has not been sent is withdrawn; what is overtaken when it comes is not told.
    """
    late = occasion.urgent and await _newer(session, occasion)
    made = await session.execute(
        insert(session, MESSAGE)
        .values(_row(occasion, due_at=None if late else utc_now(), reason="overtaken" if late else None))
        .on_conflict_do_nothing(index_elements=[MESSAGE.c.key])
        .returning(MESSAGE.c.id)
    )
    if made.first() is None:
        return False
    if occasion.overtakes:
        await _withdraw(session, occasion)
    return True


def occasion_of(row: RowMapping) -> Occasion:
    """The reverse of `note`."""
    return Occasion(
        key=row["key"],
        kind=row["kind"],
        template=row["template"],
        subject=row["subject"],
        email=row["email"],
        locale=row["locale"],
        about=row["about"],
        version=row["version"],
        urgent=row["urgent"],
        data=row["data"],
    )


async def mailed_lately(session: AsyncSession, subject: str, now: datetime) -> int:
    """Mails of the kinds MARKETING that somebody was sent or promised within a day, digests apart."""
    query = (
        select(func.count())
        .select_from(DELIVERY)
        .where(
            DELIVERY.c.subject == subject,
            DELIVERY.c.created_at > now - DAY,
            DELIVERY.c.channel == "email",
            DELIVERY.c.kind.in_(MARKETING),
            DELIVERY.c.state != "digested",
        )
    )
    return int((await session.execute(query)).scalar_one())


async def deliver(
    session: AsyncSession,
    message: RowMapping,
    ways: Collection[Planned],
    addresses: Mapping[Channel, str],
    now: datetime,
) -> None:
    """The deliveries that were decided on; those for the inbox are not among them."""
    for way in ways:
        address = addresses[way.channel]
        digest = await _digest(session, message, way, address, now) if way.digest else None
        await session.execute(
            DELIVERY.insert().values(
                id=new_id(),
                message_id=message["id"],
                subject=message["subject"],
                kind=message["kind"],
                channel=way.channel,
                address=address,
                state="digested" if digest else "waiting",
                created_at=now,
                due_at=None if digest else way.send_at,
                attempts=0,
            )
        )
        if digest:
            await session.execute(
                update(MESSAGE).where(MESSAGE.c.id == message["id"]).values(digest_id=digest)
            )


async def put_into_inbox(
    session: AsyncSession, message: RowMapping, words: Words, link: str, now: datetime
) -> None:
    """An entry, and its event; the message's id makes it the only one."""
    entry = {
        "id": message["id"],
        "subject": message["subject"],
        "kind": message["kind"],
        "title": words.title,
        "text": words.short,
        "link": link,
        "image": message["data"].get("image"),
        "at": now,
    }
    await session.execute(INBOX_ENTRY.insert().values(entry))
    await tell_sent(session, message["id"], message["subject"], None, "inbox", message["template"])


async def tell_sent(
    session: AsyncSession,
    message: UUID,
    subject: str | None,
    address: str | None,
    channel: Channel,
    template: str,
) -> None:
    """The event that a message was handed over."""
    sent = Sent(notification_id=message, subject=subject, channel=channel, template=template)
    await OUTBOX.add(session, SENT, subject=subject or _digest_of(address or ""), data=sent)


async def _digest(
    session: AsyncSession, message: RowMapping, way: Planned, address: str, now: datetime
) -> UUID:
    """The message that a digest is, made with the first that goes into it.

    Its row is held until the transaction ends, so the digest is not sent before this is in it; one that is on
    its way already is too late, and the next minute's takes it.
    """
    subject, send_at = str(message["subject"]), way.send_at
    while True:
        digest = Occasion(
            key=digest_key(subject, send_at), kind="price_drop", template="digest", subject=subject, data={}
        )
        row = _row(digest, due_at=None)
        await session.execute(insert(session, MESSAGE).values(row).on_conflict_do_nothing())
        id: UUID = (
            await session.execute(select(MESSAGE.c.id).where(MESSAGE.c.key == digest.key))
        ).scalar_one()
        delivery = {
            "id": new_id(),
            "message_id": id,
            "subject": subject,
            "kind": digest.kind,
            "channel": "email",
            "address": address,
            "state": "waiting",
            "created_at": now,
            "due_at": send_at,
            "attempts": 0,
        }
        held = await session.execute(
            insert(session, DELIVERY)
            .values(delivery)
            .on_conflict_do_update(
                index_elements=[DELIVERY.c.message_id, DELIVERY.c.channel],
                set_={"due_at": send_at},
                where=DELIVERY.c.state == "waiting",
            )
            .returning(DELIVERY.c.id)
        )
        if held.first() is not None:
            return id
        send_at += timedelta(minutes=1)


async def _newer(session: AsyncSession, occasion: Occasion) -> bool:
    query = select(MESSAGE.c.id).where(
        MESSAGE.c.about == occasion.about, MESSAGE.c.version > occasion.version
    )
    return (await session.execute(query.limit(1))).first() is not None


async def _withdraw(session: AsyncSession, occasion: Occasion) -> None:
    old = select(MESSAGE.c.id).where(
        MESSAGE.c.about == occasion.about,
        MESSAGE.c.template.in_(occasion.overtakes),
        MESSAGE.c.version < occasion.version,
    )
    values = {"due_at": None, "reason": "overtaken"}
    await session.execute(
        update(MESSAGE).where(MESSAGE.c.id.in_(old), MESSAGE.c.due_at.is_not(None)).values(values)
    )
    await session.execute(
        update(DELIVERY)
        .where(DELIVERY.c.message_id.in_(old), DELIVERY.c.state == "waiting")
        .values(**values, state="withdrawn")
    )


def _row(occasion: Occasion, *, due_at: datetime | None, reason: str | None = None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "key": occasion.key,
        "subject": occasion.subject,
        "kind": occasion.kind,
        "template": occasion.template,
        "email": occasion.email,
        "locale": occasion.locale,
        "about": occasion.about,
        "version": occasion.version,
        "urgent": occasion.urgent,
        "data": dict(occasion.data),
        "reason": reason,
        "created_at": utc_now(),
        "due_at": due_at,
        "attempts": 0,
    }


def _digest_of(address: str) -> str:
    return f"address:{sha256(address_key(address).encode()).hexdigest()[:40]}"
