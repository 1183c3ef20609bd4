"""One key, one effect: repeated, failing, at the same time, and much later."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import BaseModel
from shop_chassis import idempotency
from shop_chassis.auth import Principal, require
from shop_chassis.idempotency import KEPT, Answer, Idempotency, Key, fingerprint
from shop_chassis.problems import Problem
from shop_chassis.runtime import StoreDep
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import Column, Integer, MetaData, String, Table, func, select

ROUTE = "POST /orders"


class NewOrder(BaseModel):
    """A later version has `note`."""

    product: str
    quantity: int = 1


class Refused(Exception):  # noqa: N818
    """The effect's own error."""


class World:
    """A service's database: keys, and orders that have no unique key on purpose."""

    def __init__(self, url: str) -> None:
        self.metadata = MetaData()
        self.keys = Idempotency(self.metadata)
        self.orders = Table(
            "orders", self.metadata, Column("id", Integer, primary_key=True), Column("product", String(32))
        )
        self.store = Store(Settings(database_url=url), "world")

    async def create(self) -> "World":
        async with self.store.engine.begin() as connection:
            await connection.run_sync(self.metadata.create_all)
        return self

    async def order(
        self,
        new: NewOrder,
        key: str = "k1",
        subject: str = "ann",
        *,
        fails: bool = False,
        before_commit: asyncio.Event | None = None,
        began: asyncio.Event | None = None,
    ) -> tuple[int, Any]:
        """What a handler does; the answer."""
        mine = {"key": key, "subject": subject, "route": ROUTE}
        async with self.store.transaction() as session:
            if (answer := await self.keys.begin(session, **mine, body=new)) is not None:
                return answer
            done = await session.execute(self.orders.insert().values(product=new.product))
            if began:
                began.set()
            if before_commit:
                await before_commit.wait()
            if fails:
                raise Refused
            body = {"id": done.inserted_primary_key[0], "product": new.product}
            await self.keys.finish(session, **mine, status=201, body=body)
        return 201, body

    async def count(self, table: Table) -> int:
        async with self.store.session() as session:
            return (await session.execute(select(func.count()).select_from(table))).scalar_one()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    sqlite = request.param == "sqlite"
    world = World(f"sqlite:///{tmp_path}/test.db" if sqlite else request.getfixturevalue("postgres_url"))
    yield await world.create()
    await world.store.stop()


LAMP, CUP = NewOrder(product="lamp"), NewOrder(product="cup")


async def test_a_repetition_gets_the_first_answer(world: World) -> None:
    first = await world.order(LAMP)
    assert await world.order(LAMP) == first == (201, {"id": 1, "product": "lamp"})
    assert await world.count(world.orders) == 1


async def test_keys_belong_to_one_subject_and_route(world: World) -> None:
    await world.order(LAMP)
    await world.order(LAMP, subject="ben")
    async with world.store.transaction() as session:
        other = {"key": "k1", "subject": "ann", "route": "POST /returns"}
        assert await world.keys.begin(session, **other, body=LAMP) is None
        await world.keys.finish(session, **other, status=204)
    async with world.store.transaction() as session:
        assert await world.keys.begin(session, **other, body=LAMP) == Answer(204, None)
    assert await world.count(world.orders) == 2


async def test_another_body_is_refused(world: World) -> None:
    await world.order(LAMP)
    with pytest.raises(Problem) as caught:
        await world.order(CUP)
    assert (caught.value.status, caught.value.type) == (422, "idempotency-key-reused")


async def test_a_failed_effect_leaves_nothing(world: World) -> None:
    with pytest.raises(Refused):
        await world.order(LAMP, fails=True)
    assert await world.count(world.keys.table) == 0
    assert (await world.order(CUP))[0] == 201  # even with another body


async def test_an_answer_is_forgotten_after_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await world.order(LAMP)
    monkeypatch.setattr(idempotency, "utc_now", lambda: utc_now() + KEPT + timedelta(seconds=1))
    again = await world.order(CUP)
    assert again != first
    assert await world.order(CUP) == again
    assert await world.count(world.keys.table) == 1


async def test_old_rows_go_while_others_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "PRUNE_EVERY", 5)
    for number in range(12):
        await world.order(LAMP, f"old-{number}")
    monkeypatch.setattr(idempotency, "utc_now", lambda: utc_now() + KEPT + timedelta(seconds=1))
    for number in range(5):
        await world.order(LAMP, f"new-{number}")
    assert await world.count(world.keys.table) == 5


async def test_mistakes_of_a_handler_are_told(world: World) -> None:
    mine = {"key": "k", "subject": "ann", "route": ROUTE}
    with pytest.raises(RuntimeError, match="without begin"):
        async with world.store.transaction() as session:
            await world.keys.finish(session, **mine, status=201)
    async with world.store.transaction() as session:
        await world.keys.begin(session, **mine)
    with pytest.raises(RuntimeError, match="without finish"):
        async with world.store.transaction() as session:
            await world.keys.begin(session, **mine)


async def test_two_at_once_have_one_effect(world: World) -> None:
    """PostgreSQL refuses the second for now; SQLite, which has one writer, makes it wait."""
    began, goes_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(world.order(LAMP, began=began, before_commit=goes_on))
    await began.wait()
    second = asyncio.create_task(world.order(LAMP))
    if world.store.engine.dialect.name == "postgresql":
        with pytest.raises(Problem) as caught:
            await second
        assert (caught.value.status, caught.value.type) == (409, "request-in-work")
        assert caught.value.headers == {"Retry-After": "1"}
        assert (await world.order(LAMP, subject="ben"))[0] == 201  # others need not wait
        goes_on.set()
    else:
        goes_on.set()
        assert await second == await first
    answer = await first
    assert await world.order(LAMP) == answer


async def test_a_failure_lets_the_one_who_waited_in(world: World) -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(world.order(LAMP, fails=True, began=began, before_commit=goes_on))
    await began.wait()
    goes_on.set()
    with pytest.raises(Refused):
        await first
    assert (await world.order(LAMP))[0] == 201
    assert await world.count(world.orders) == 1


@pytest.mark.postgres
async def test_many_at_once_on_postgres(postgres_url: str) -> None:
    """Two pools, few keys, the first of each fails: what was acknowledged is there once, nothing else is."""
    replicas = [await World(postgres_url).create() for _ in range(2)]
    acknowledged: dict[str, set[int]] = {}
    refused: Counter[str] = Counter()

    async def shopper(number: int) -> None:
        key = f"k{number % 7}"
        for attempt in range(6):
            try:
                new, replica = NewOrder(product=key), replicas[number % 2]
                _, body = await replica.order(new, key, fails=attempt == 0)
            except (Refused, Problem) as error:
                refused[type(error).__name__] += 1
            else:
                acknowledged.setdefault(key, set()).add(body["id"])

    await asyncio.gather(*(shopper(number) for number in range(28)))
    async with replicas[0].store.session() as session:
        rows = (await session.execute(select(replicas[0].orders))).all()
    assert {row.product: {row.id} for row in rows} == acknowledged
    assert len(rows) == len(acknowledged) == 7
    assert refused["Refused"] >= 7
    for replica in replicas:
        await replica.store.stop()


@dataclass(frozen=True)
class Sent:
    """One request, `later` after the one before."""

    key: str
    product: str
    fails: bool
    later: timedelta


sent = st.builds(
    Sent,
    st.sampled_from(["k1", "k2"]),
    st.sampled_from(["lamp", "cup"]),
    st.booleans(),
    st.sampled_from([timedelta(0), timedelta(hours=7), KEPT]),
)


async def played(folder: str, requests: Sequence[Sent]) -> list[Any]:
    """What each got: an answer, or the name of its error."""
    world = await World(f"sqlite:///{folder}/test.db").create()
    now, got = utc_now(), []
    with pytest.MonkeyPatch.context() as patch:
        for request in requests:
            now += request.later
            patch.setattr(idempotency, "utc_now", lambda now=now: now)
            try:
                new = NewOrder(product=request.product)
                got.append(await world.order(new, request.key, fails=request.fails))
            except Problem as error:
                got.append(error.type)
            except Refused:
                got.append("refused")
    await world.store.stop()
    return got


def expected(requests: Sequence[Sent]) -> list[Any]:
    """The same in a dictionary."""
    now, ids, answers, got = timedelta(0), 0, {}, []
    for request in requests:
        now += request.later
        known = answers.get(request.key)
        if known is not None and known[0] > now:
            _, product, answer = known
            got.append(answer if product == request.product else "idempotency-key-reused")
        elif request.fails:
            got.append("refused")
        else:
            ids += 1
            answer = (201, {"id": ids, "product": request.product})
            answers[request.key] = (now + KEPT, request.product, answer)
            got.append(answer)
    return got


@given(st.lists(sent, max_size=12))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_sequence_of_requests(requests: list[Sent]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(played(folder, requests)) == expected(requests)


def test_fingerprints_are_of_what_was_sent() -> None:
    class Later(NewOrder):
        note: str = ""

    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint(LAMP) == fingerprint(Later(product="lamp"))
    different = [None, {}, LAMP, CUP, NewOrder(product="lamp", quantity=2), {"product": ["lamp"]}]
    assert len({fingerprint(body) for body in different}) == len(different)


router = APIRouter()
METADATA = MetaData()
KEYS = Idempotency(METADATA)


@router.post("/orders", status_code=201)
async def make(store: StoreDep, user: Annotated[Principal, require()], new: NewOrder, key: Key) -> Any:
    mine = {"key": key, "subject": user.subject, "route": ROUTE}
    async with store.transaction() as session:
        if (answer := await KEYS.begin(session, **mine, body=new)) is not None:
            return answer.response()
        await KEYS.finish(session, **mine, status=201, body=new)
    return new


async def test_over_http(client_of: Any, jwks: Path, signer: Signer, tmp_path: Path) -> None:
    service = Service("orders", routers=[router])
    settings = Settings(auth_jwks=str(jwks), database_url=f"sqlite:///{tmp_path}/orders.db", log_access=False)
    store = create_app(service, settings).state.runtime.store
    async with store.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await store.stop()
    async with client_of(service, settings) as client:
        headers = {"Authorization": f"Bearer {signer.token('ann')}"}
        assert (await client.post("/orders", json={"product": "lamp"}, headers=headers)).status_code == 422
        for key in ("", "a b", "x" * 129):
            bad = headers | {"Idempotency-Key": key}
            assert (await client.post("/orders", json={"product": "lamp"}, headers=bad)).status_code == 422
        headers |= {"Idempotency-Key": "8e03978e"}
        first, again = [await client.post("/orders", json={"product": "lamp"}, headers=headers) for _ in "12"]
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        other = await client.post("/orders", json={"product": "cup"}, headers=headers)
        assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")
