"""A POST that makes something once, however often it is sent: the header `Idempotency-Key`.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ says how callers use it. Here the
key is a row of the service's own database, written in the transaction of the effect:

    keys = Idempotency(Base.metadata)  # beside the tables

    @router.post("/orders", status_code=201)
    async def order(store: StoreDep, user: …, new: NewOrder, key: Key) -> Any:
        mine = {"key": key, "subject": user.subject, "route": "POST /orders"}
        async with store.transaction() as session:
            if (answer := await keys.begin(session, **mine, body=new)) is not None:
                return answer.response()
            made = …
            await keys.finish(session, **mine, status=201, body=made)
        return made

An effect that fails leaves no row, so the same key may be tried again.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import Header
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from sqlalchemy import (
    JSON,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis.events.dialect import dialect_name, insert, lock_key
from shop_chassis.problems import Problem
from shop_chassis.tables import UtcDateTime, utc_now

KEPT = timedelta(days=1)
"""How long an answer is kept. Who tries again after that makes another thing."""
PRUNE_EVERY = 50
"""Answers between two clean-ups; each removes more rows than have come since, so old ones do not pile up."""

_HEADER = Header(
    alias="Idempotency-Key",
    min_length=1,
    max_length=128,
    pattern=r"^[\x21-\x7e]+$",
    description="Made by the caller for each thing it wants; the same key and body have one effect.",
    examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
)
Key = Annotated[str, _HEADER]
"""Of a handler that insists on a key."""
OptionalKey = Annotated[str | None, _HEADER]

Body = BaseModel | Mapping[str, Any] | None


class Answer(NamedTuple):
    """What was answered the first time."""

    status: int
    body: Any

    def response(self) -> Response:
        """The same again; it says that it is a repetition."""
        headers = {"Idempotent-Replayed": "true"}
        if self.body is None:
            return Response(status_code=self.status, headers=headers)
        return JSONResponse(self.body, self.status, headers)


class Idempotency:
    """The table, within the service's own metadata, and the two ways to write to it."""

    def __init__(self, metadata: MetaData) -> None:
        self.table = Table(
            "idempotency",
            metadata,
            Column("subject", String(128), primary_key=True),
            Column("key", String(128), primary_key=True),
            Column("route", String(256), primary_key=True),
            Column("fingerprint", String(64), nullable=False),
            Column("status", Integer),  # none: not finished
            Column("body", JSON(none_as_null=True)),
            Column("expires_at", UtcDateTime, nullable=False, index=True),
        )
        self._finished = 0

    async def begin(
        self, session: AsyncSession, *, key: str, subject: str, route: str, body: Body = None
    ) -> Answer | None:
        """The answer to the same request if it was given; None where the effect is still to be.

        `subject` is who asks: keys of others are others. `route` has what the path says too:
        `POST /orders/{id}/returns` filled in. Raises Problem 422 for a key that came with another body, 409
        with Retry-After while another request has the effect in work; SQLite has only one writer, for which
        this waits.
        """
        table, now = self.table, utc_now()
        mine = [table.c.subject == subject, table.c.key == key, table.c.route == route]
        fresh = {
            "subject": subject,
            "key": key,
            "route": route,
            "fingerprint": fingerprint(body),
            "status": None,
            "body": None,
            "expires_at": now + KEPT,
        }
        claim = insert(session, table)
        if dialect_name(session) == "postgresql":
            # Not to wait for the other one's row: a flood of repetitions would hold every connection.
            lock = func.pg_try_advisory_xact_lock(lock_key(f"idempotency {subject} {key} {route}"))
            values = [literal(value, table.c[name].type) for name, value in fresh.items()]
            claim = claim.from_select(list(fresh), select(*values).where(lock))
        else:
            claim = claim.values(fresh)
        claimed = await session.execute(
            claim.on_conflict_do_update(
                index_elements=list(table.primary_key.columns),
                set_={name: claim.excluded[name] for name in ("fingerprint", "status", "body", "expires_at")},
                where=table.c.expires_at <= now,
            ).returning(table.c.key)
        )
        if claimed.first() is not None:
            return None
        row = (await session.execute(select(table).where(*mine))).one_or_none()
        if row is None:
            detail = "a request with this Idempotency-Key is in work; ask again for its answer"
            raise Problem(409, detail, type="request-in-work", headers={"Retry-After": "1"})
        if row.fingerprint != fresh["fingerprint"]:
            detail = "this Idempotency-Key came with another body before; make a new one for each request"
            raise Problem(422, detail, type="idempotency-key-reused")
        if row.status is None:
            raise RuntimeError(f"{route}: begin() was committed without finish()")
        return Answer(row.status, row.body)

    async def finish(
        self, session: AsyncSession, *, key: str, subject: str, route: str, status: int, body: Body = None
    ) -> None:
        """Keeps the answer for those who ask again. The last thing before the transaction ends.

        Raises RuntimeError without a `begin`.
        """
        table = self.table
        mine = [table.c.subject == subject, table.c.key == key, table.c.route == route]
        answer = {"status": status, "body": None if body is None else to_jsonable_python(body)}
        done = await session.execute(update(table).where(*mine).values(answer).returning(table.c.key))
        if done.first() is None:
            raise RuntimeError(f"{route}: finish() without begin()")
        self._finished += 1
        if self._finished % PRUNE_EVERY == 1:
            await self.prune(session)

    async def prune(self, session: AsyncSession, *, most: int = 2 * PRUNE_EVERY) -> None:
        """Deletes some of the expired rows. It waits for nobody: others may be deleting too."""
        table = self.table
        keys = (table.c.subject, table.c.key, table.c.route)
        expired = (
            select(*keys).where(table.c.expires_at <= utc_now()).order_by(table.c.expires_at).limit(most)
        )
        await session.execute(
            delete(table).where(tuple_(*keys).in_(expired.with_for_update(skip_locked=True)))
        )


def fingerprint(body: Body) -> str:
    """Of what was sent, the order of members apart. What a caller left out does not count: a later version
    may have a default for it that this one has not."""
    sent = body.model_dump(mode="json", exclude_unset=True) if isinstance(body, BaseModel) else body
    text = json.dumps(to_jsonable_python(sent), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
