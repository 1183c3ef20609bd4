"""What a delivery is at the moment that it is sent: words, address, links; or why it is not sent any more."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification.api import Kind
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import suppressions
from shop_notification.channels import Parcel
from shop_notification.deciding import newest_of_each
from shop_notification.links import Links, Unsubscription
from shop_notification.messages import occasion_of
from shop_notification.people import Gone, People, Person, find
from shop_notification.tables import MESSAGE
from shop_notification.templates import Reader, Templates
from shop_notification.wishes import wants

DIGEST = "digest"
GONE = "there is no such account any more"
SOON = timedelta(minutes=1)
"""What was decided so lately need not be asked about again."""


class Unwanted(Exception):  # noqa: N818 - named for what it says
    """It is not to be sent; the message says why."""

    def __init__(self, state: Literal["suppressed", "withdrawn"], reason: str) -> None:
        super().__init__(reason)
        self.state = state


class Packer:
    """Reads and renders. Much may have happened since it was decided: hours of quiet, a change of mind."""

    def __init__(self, store: Store, people: People, templates: Templates, links: Links, zone: str) -> None:
        self._store = store
        self._people = people
        self._templates = templates
        self._links = links
        self._zone = zone

    async def pack(self, row: RowMapping) -> Parcel:
        """Raises Unwanted, CallError."""
        await self._ask_again(row)
        async with self._store.session() as session:
            message = (
                (await session.execute(select(MESSAGE).where(MESSAGE.c.id == row["message_id"])))
                .mappings()
                .one()
            )
            person = await find(session, row["subject"]) if row["subject"] else None
            data = {"name": person.name if person else "", **message["data"]}
            if message["template"] == DIGEST:
                data |= await self._entries(session, message, person)
            elif person is None and row["subject"] and self._people.asks(row["subject"]):
                raise Unwanted("withdrawn", GONE)
            elif person and not wants(person.preferences, row["channel"], row["kind"]):
                raise Unwanted("suppressed", "not wanted any more")
            to = row["address"] or (person.email if person else "")
            if row["channel"] == "email" and (why := await suppressions.why_not(session, to, row["kind"])):
                raise Unwanted("suppressed", why)
        locale = message["locale"] or (person.preferences.locale if person else "en")
        return self._parcel(row, message["template"], to, data, Reader(locale, self._zone_of(person)))

    async def _ask_again(self, row: RowMapping) -> None:
        if row["kind"] == "account" or row["subject"] is None or utc_now() - row["created_at"] < SOON:
            return
        try:
            await self._people.refresh(row["subject"], strict=row["kind"] == "promotion")
        except Gone:
            raise Unwanted("withdrawn", GONE) from None

    def _parcel(
        self, row: RowMapping, template: str, to: str, data: Mapping[str, Any], reader: Reader
    ) -> Parcel:
        link = self._links.page(self._templates.path(template, data))
        if row["channel"] != "email":
            return Parcel(row["id"], to, self._templates.words(template, data, reader), link)
        unsubscribe = self._links.unsubscribe(_wish(row, template, to)) if row["kind"] != "account" else None
        words, text, html = self._templates.mail(template, data, reader, unsubscribe)
        return Parcel(row["id"], to, words, link, text, html, unsubscribe)

    async def _entries(
        self, session: AsyncSession, digest: RowMapping, person: Person | None
    ) -> dict[str, Any]:
        """What is in a digest. Raises Unwanted when nothing is left of it."""
        if person is None:
            raise Unwanted("withdrawn", GONE)
        query = select(MESSAGE).where(MESSAGE.c.digest_id == digest["id"])
        rows = (await session.execute(query.order_by(MESSAGE.c.created_at, MESSAGE.c.id))).mappings().all()
        wanted = [occasion_of(row) for row in rows if wants(person.preferences, "email", _kind(row["kind"]))]
        if not wanted:
            raise Unwanted("suppressed", "nothing of it is wanted any more")
        reader = Reader(person.preferences.locale, self._zone_of(person))
        entries = []
        for each in newest_of_each(wanted):
            words = self._templates.words(each.template, {"name": person.name, **each.data}, reader)
            entries.append(
                {
                    "title": each.data.get("title") or words.title,
                    "text": words.short,
                    "link": self._templates.path(each.template, each.data),
                    "image": each.data.get("image"),
                    "old": each.data.get("old"),
                    "new": each.data.get("new"),
                }
            )
        return {"entries": entries}

    def _zone_of(self, person: Person | None) -> str:
        quiet = person.preferences.quiet_hours if person else None
        return quiet.timezone if quiet else self._zone


def _wish(row: RowMapping, template: str, to: str) -> Unsubscription:
    """What a click in this mail takes back; of somebody without an account only the address is known."""
    kind = DIGEST if template == DIGEST else row["kind"]
    subject = row["subject"]
    if subject is None or subject.startswith("guest:"):
        return Unsubscription(kind, address=to)
    return Unsubscription(kind, subject=subject)


def _kind(name: str) -> Kind:
    kind: Kind = name  # type: ignore[assignment]
    return kind
